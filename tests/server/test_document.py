"""The document is complete and true."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import jsonschema_rs
import pytest

from omprov.repository import Repository
from omprov.server._schemas._records import RECORDS

API = "/api/v1"

REACHED = {
    "add_copied": "add_copied_rows",
    "add_child": "add_child",
    "add_commits": "add_commits",
    "add_asset": "add_asset",
    "add_edge": "add_edge",
    "add_project": "add_project",
    "add_stored_version": "add_version",
    "add_to_run": "add_to_run",
    "add_token": "add_token",
    "add_user": "add_user",
    "add_version": "add_version",
    "begin_copy": "begin_copy",
    "check_password": "sign_in",
    "copied": "get_copied_rows",
    "diff": "diff",
    "end_copy": "end_copy",
    "find_commit_keys": "find_commit_keys",
    "find_commits": "find_commits",
    "find_holders": "find_holders",
    "find_run": "get_run_by_id",
    "find_runs": "get_run",
    "find_sign_in": "get_me",
    "find_tagged_runs": "find_tagged_runs",
    "find_token": "get_me",
    "finer_diff": "finer_diff",
    "get_asset": "get_asset",
    "get_asset_by_id": "get_asset_by_id",
    "get_commit_version": "get_commit_version",
    "get_run": "get_run",
    "get_user": "get_user",
    "get_version": "get_version",
    "get_version_by_id": "get_version_by_id",
    "history": "history",
    "inherited_by": "inherited_by",
    "inherits": "inherits",
    "is_protected": "list_protected",
    "journal_positions": "journal_positions",
    "lightest_route": "lightest_route",
    "lineage": "lineage",
    "list_assets": "list_assets",
    "list_audit": "list_audit",
    "list_changes": "follow_events",
    "list_members": "list_members",
    "list_projects": "list_projects",
    "list_protected": "list_protected",
    "list_runs": "list_runs",
    "list_tokens": "list_tokens",
    "list_users": "list_users",
    "list_versions": "list_versions",
    "metric_points": "metric_points",
    "newest_of_kind": "newest_of_kind",
    "position": "follow_events",
    "wait_for_change": "follow_events",
    "protect_alias": "protect_alias",
    "record_run": "record_run",
    "remove_alias": "remove_alias",
    "remove_asset": "remove_asset",
    "remove_edge": "remove_edge",
    "remove_token": "remove_token",
    "remove_version": "remove_version",
    "role_in": "list_members",
    "roles_of": "get_me",
    "set_alias": "set_alias",
    "set_asset": "set_asset",
    "set_member": "set_member",
    "set_policy": "set_asset",
    "set_run_tags": "set_run_tags",
    "set_tags": "set_tags",
    "set_user": "set_user",
    "sign_in": "sign_in",
    "sign_out": "sign_out",
    "tag_commits": "tag_commits",
    "update_run": "update_run",
    "uploaded_edges": "uploaded_edges",
}
"""Calls of `Repository` → the operation that makes them."""

NOT_REACHED = {
    **dict.fromkeys(
        ("back_up", "restore", "check", "check_remote", "repair", "collect", "usage"),
        "care of a machine's disks: the command line on the server",
    ),
    **dict.fromkeys(("rebuild_index", "count_by_reference"), "the same"),
    **dict.fromkeys(
        ("add_remote", "list_remotes", "remove_remote", "push", "pull"),
        "remotes belong to whoever runs the server",
    ),
    **dict.fromkeys(
        ("tree", "open_file", "find_file", "iter_files", "is_by_reference", "take_contents"),
        "content: read through the content routes",
    ),
    **dict.fromkeys(
        ("bring", "changes_on_disk", "checkout", "local_copy"),
        "folders lie on the client's machine",
    ),
    **dict.fromkeys(
        (
            "create",
            "open",
            "open_shared",
            "close",
            "view",
            "has_users",
            "once",
            "find_request",
            "reading_mlflow",
            "writing_mlflow",
            "project_of_run",
            "check_owner",
            "keep_answer",
        ),
        "how a server holds its repository",
    ),
}


@pytest.fixture
def document(ask):
    return ask.get(f"{API}/openapi.json").json()


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_call_of_the_repository_is_reached_or_has_a_reason(document):
    known = {operation["operationId"] for _, _, operation in operations(document)}
    calls = {
        name
        for name in dir(Repository)
        if not name.startswith("_") and callable(getattr(Repository, name))
    }
    assert calls - REACHED.keys() - NOT_REACHED.keys() == set()
    assert set(REACHED.values()) - known == set()
    assert not REACHED.keys() & NOT_REACHED.keys()


def test_the_document_is_of_its_standard(document):
    jsonschema_rs.meta.validate(document["components"]["schemas"]["Version"])
    assert document["openapi"].startswith("3.1")
    for name, schema in document["components"]["schemas"].items():
        jsonschema_rs.meta.validate(schema), name


def test_operations_say_all_that_they_answer(document):
    names = set()
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["tags"], where
        assert operation["description"] or operation["summary"], where
        names.add(operation["operationId"])
        for code in ("400", "401", "403", "404", "422", "500", "503"):
            content = operation["responses"][code]["content"]
            assert list(content) == ["application/problem+json"], (where, code)
        good = [code for code in operation["responses"] if code[0] == "2"]
        assert len(good) == 1, where
        if good != ["204"]:
            ((_, content),) = operation["responses"][good[0]]["content"].items()
            assert content["schema"], where
        if method != "get":
            assert {"409", "413"} <= operation["responses"].keys(), where
    assert len(names) == len(list(operations(document)))


def test_whatever_makes_something_takes_a_key(document):
    secret = {"add_token", "add_user"}
    for path, method, operation in operations(document):
        if method == "post" and "201" in operation["responses"]:
            headers = (
                [one["name"] for one in operation["parameters"]]
                if "parameters" in operation
                else []
            )
            assert ("Idempotency-Key" in headers) != (operation["operationId"] in secret), path


def test_schemas_have_the_fields_of_their_records_and_fitting_examples(document):
    schemas = document["components"]["schemas"]
    for kind in RECORDS:
        schema = schemas[kind.__name__]
        names = [one.name for one in fields(kind)] if is_dataclass(kind) else list(kind._fields)
        assert list(schema["properties"]) == schema["required"] == names
        whole = {**schema, "components": document["components"]}
        for example in schema["examples"]:
            jsonschema_rs.validator_for(whole).validate(example)


def test_answers_fit_their_schemas(ask, repo, document):
    model, data = repo.get_version("model/net:v2"), repo.get_version("dataset/digits:v1")
    asset = repo.get_asset("model/net")
    for path, name in [
        (f"versions/{model.id}", "Version"),
        (f"versions/{model.id}/lineage", "Lineage"),
        (f"assets/{asset.id}", "Asset"),
        (f"assets/{asset.id}/history", "History"),
        (f"runs/{model.run}", "Run"),
        (f"diff?older={data.id}&newer={repo.get_version('dataset/digits:v2').id}", "Difference"),
        ("nothing", "Problem"),
    ]:
        schema = document["components"]["schemas"][name]
        whole = {**schema, "components": document["components"]}
        jsonschema_rs.validator_for(whole).validate(ask.get(f"{API}/{path}").json())
