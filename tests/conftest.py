"""Settings of the whole suite."""

from __future__ import annotations

import subprocess
import sys
import urllib.request

import pytest
from hypothesis import HealthCheck, settings

from postgres_server import running_server

settings.register_profile(
    "explore",
    deadline=None,  # no test asserts a time
    suppress_health_check=[HealthCheck.too_slow],  # machines are shared
)
settings.register_profile("suite", settings.get_profile("explore"), derandomize=True)
settings.load_profile("suite")  # the same examples each time; --hypothesis-profile=explore for new

_S3_SERVER = """
import logging, sys
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MB."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture(scope="session")
def s3_endpoint():
    """The address of a server that speaks S3, a process of its own on the loopback interface."""
    pytest.importorskip("moto")
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _S3_SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    server.kill()
    server.communicate()


@pytest.fixture
def s3_options(s3_endpoint):
    """Options of `open_bucket` that need nothing from the environment."""
    return {"endpoint": s3_endpoint, "access_key_id": "fake", "secret_access_key": "fake"}


@pytest.fixture
def s3_url(s3_endpoint, request):
    """The URL of a prefix in a bucket of this test's own."""
    name = f"t{abs(hash(request.node.nodeid)):x}"
    address = urllib.request.Request(f"{s3_endpoint}/{name}", method="PUT")
    urllib.request.urlopen(address).close()
    return f"s3://{name}/some/prefix"


@pytest.fixture(scope="session")
def pg_server():
    """A PostgreSQL server, for all tests."""
    with running_server() as server:
        yield server


@pytest.fixture
def pg_empty_url(pg_server):
    """The address of a PostgreSQL database with nothing in it."""
    with pg_server.database() as url:
        yield url


@pytest.fixture
def pg_url(pg_server):
    """The address of an empty catalog in a PostgreSQL database of its own."""
    with pg_server.database(pg_server.template()) as url:
        yield url
