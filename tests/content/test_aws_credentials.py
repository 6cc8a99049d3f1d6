"""Credentials of the AWS command line, against a real S3 protocol server."""

from __future__ import annotations

import sys

import pytest
from buckets import s3_server
from moto.s3.responses import S3Response

from omprov.content import open_bucket
from omprov.errors import InvalidInput, MissingExtra, Unavailable

SETTINGS = """
[default]
region = us-east-1
[profile team]
region = eu-west-1
[profile away]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = nobody
"""
KEYS = """
[default]
aws_access_key_id = one
aws_secret_access_key = secret
[team]
aws_access_key_id = two
aws_secret_access_key = secret
"""


@pytest.fixture(scope="module")
def server():
    with s3_server() as s3:
        s3.fresh("profiles")
        yield s3


@pytest.fixture
def aws_folder(tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "config").write_text(SETTINGS)
    (tmp_path / "credentials").write_text(KEYS)
    return tmp_path


def asked_with(server, monkeypatch, **options) -> str:
    """Return the Authorization header of a request to the server."""
    headers = []
    real = S3Response.setup_class

    def noting(self, request, *rest):
        headers.append(request.headers.get("Authorization", ""))
        return real(self, request, *rest)

    monkeypatch.setattr(S3Response, "setup_class", noting)
    bucket = open_bucket(
        "s3://profiles", options={"endpoint": server.options["endpoint"], **options}
    )
    bucket.write("name", b"content")
    assert bucket.read("name") == b"content"
    return headers[0]


def test_the_default_profile_is_used_where_nothing_else_is_said(server, aws_folder, monkeypatch):
    header = asked_with(server, monkeypatch)
    assert "Credential=one/" in header
    assert "/us-east-1/" in header


def test_a_profile_is_picked_by_option_or_environment(server, aws_folder, monkeypatch):
    header = asked_with(server, monkeypatch, profile="team")
    assert "Credential=two/" in header
    assert "/eu-west-1/" in header
    monkeypatch.setenv("AWS_PROFILE", "team")
    assert "Credential=two/" in asked_with(server, monkeypatch)


def test_keys_in_the_environment_or_the_options_come_first(server, aws_folder, monkeypatch):
    given = {"access_key_id": "three", "secret_access_key": "s", "region": "us-east-1"}
    assert "Credential=three/" in asked_with(server, monkeypatch, **given)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "four")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    assert "Credential=four/" in asked_with(server, monkeypatch, region="us-east-1")


def test_a_profile_that_is_not_there(aws_folder):
    with pytest.raises(InvalidInput, match="nobody"):
        open_bucket("s3://profiles", options={"profile": "nobody"})


def test_a_profile_without_credentials(aws_folder):
    with pytest.raises(Unavailable, match="no credentials for s3://profiles"):
        open_bucket("s3://profiles", options={"profile": "away"})


def test_without_boto3_a_profile_names_the_extra(aws_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(MissingExtra, match=r"omprov\[aws\]"):
        open_bucket("s3://profiles", options={"profile": "team"})
    open_bucket("s3://profiles", options={"anonymous": "true"})
