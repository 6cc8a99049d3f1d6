"""Requests that nobody would think of, made from the document: none breaks it or the server."""

from __future__ import annotations

import warnings

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from server_story import Clock, tell_story

from omprov.repository import Repository
from omprov.server import Settings, create_app

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    folder, clock = tmp_path_factory.mktemp("any"), Clock()
    with Repository.create(folder, who="ada", clock=clock) as repository:
        tell_story(repository)
    application = create_app(Settings(folder, who="ada", clock=clock, hosts=("testserver",)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = schemathesis.openapi.from_asgi("/api/v1/openapi.json", application)
    return made.exclude(path_regex="/events$")  # it does not end


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_no_request_breaks_the_server_or_the_document(document):
    tried = []
    for found in document.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=8,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def holds(case):
            case.call_and_validate(checks=CHECKS)

        holds()
        tried.append(operation.label)
    assert len(tried) > 50
