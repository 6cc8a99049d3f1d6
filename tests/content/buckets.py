"""A real S3 protocol server on this machine, and objects in it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = {"access_key_id": "testing", "secret_access_key": "testing", "region": "us-east-1"}


class S3:
    """What the tests do to the server, and how a store reaches it."""

    def __init__(self, endpoint: str) -> None:
        self.options = {"endpoint": endpoint, **KEYS}
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}),
        )
        self.bucket = ""

    def fresh(self, name: str) -> None:
        self.bucket = name
        self.client.create_bucket(Bucket=name)

    def put(self, objects: dict[str, bytes]) -> None:
        for key, content in objects.items():
            self.client.put_object(Bucket=self.bucket, Key=key, Body=content)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=key)


@contextmanager
def s3_server() -> Iterator[S3]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield S3(f"http://{host}:{port}")
    finally:
        server.stop()
