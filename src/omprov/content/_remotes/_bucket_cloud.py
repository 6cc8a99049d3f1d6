"""A bucket in a cloud, through obstore, which is imported here alone."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import (
    BaseError,
    GenericError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)
from obstore.store import AzureStore, GCSStore, S3Store

from omprov.errors import InvalidInput, NotFound, OmprovError, Unavailable

from ._aws_credentials import aws_credentials
from ._bucket_names import PART, Blob, OtherState, check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from obstore import GetOptions, ObjectMeta
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

    Result = TypeVar("Result")

_LISTED_AT_ONCE: Final = 1000
_PARTS_AT_ONCE: Final = 3
"""Of one upload: with `PART` they bound its memory."""
_RETRY: Final[RetryConfig] = {
    "max_retries": 6,
    "retry_timeout": timedelta(seconds=20),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=3),
        "base": 2,
    },
}
"""Of 5xx, cut connections and timeouts; no try begins later than this after the first."""
_TRIES: Final = 3
_CLIENT: Final[ClientConfig] = {
    "connect_timeout": timedelta(seconds=4),
    "read_timeout": timedelta(seconds=20),
    "timeout": timedelta(minutes=10),
    "user_agent": "omprov",
}
_CLIENT_OPTIONS: Final = {
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "proxy_excludes",
    "proxy_url",
    "read_timeout",
    "root_certificate",
    "timeout",
}
_SWITCHES: Final = {"allow_http", "allow_invalid_certificates"}
_ALIASES: Final = {"anonymous": "skip_signature"}
_ENDPOINTS: Final = {"gs": "base_url"}
_CREDENTIALS: Final = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN where the keys "
    "are temporary), or the option anonymous=true; what `aws configure` wrote is used with "
    "pip install 'omprov[aws]'",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or the option anonymous=true",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or the option "
    "anonymous=true",
}
_STORES: Final[dict[str, Callable[..., ObjectStore]]] = {
    "s3": S3Store,
    "gs": GCSStore,
    "az": AzureStore,
}
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_BROKEN_CREDENTIALS = {
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
}
_METADATA = ("169.254.169.254", "metadata.google.internal", "token request")


class CloudBucket:
    """See `Bucket`."""

    def __init__(
        self, url: str, scheme: str, bucket: str, prefix: str, options: Mapping[str, str]
    ) -> None:
        self.url = url
        self._scheme = scheme
        own: dict[str, Any] = {}
        if scheme == "s3" and (provider := aws_credentials(url, options)) is not None:
            own["credential_provider"] = provider
        options = {name: value for name, value in options.items() if name != "profile"}
        config, client = _configuration(url, scheme, options)
        with self._told(""):
            self._store: ObjectStore = _STORES[scheme](
                bucket,
                prefix=prefix or None,
                config=config,
                client_options=client,
                retry_config=_RETRY,
                **own,
            )

    def list(self, folder: str = "") -> Iterator[Blob]:
        prefix = check_name(folder.rstrip("/")) + "/" if folder else None
        last: str | None = None
        for left in reversed(range(_TRIES)):
            try:
                with self._told(folder):
                    for page in obstore.list(
                        self._store, prefix, offset=last, chunk_size=_LISTED_AT_ONCE
                    ):
                        for meta in page:
                            last = meta["path"]  # clouds list by name, so one can go on from here
                            yield _blob(meta)
            except _CutOffError:
                if not left:
                    raise
            else:
                return

    def look(self, name: str) -> Blob:
        return self._ask(name, lambda: _blob(obstore.head(self._store, check_name(name))))

    def read(self, name: str) -> bytes:
        return self._ask(name, lambda: bytes(obstore.get(self._store, check_name(name)).bytes()))

    def read_range(self, name: str, offset: int, length: int, *, etag: str = "") -> bytes:
        if length <= 0:
            return b""
        options = _only_if(etag)
        options["range"] = (offset, offset + length)
        try:
            return self._ask(
                name,
                lambda: bytes(obstore.get(self._store, check_name(name), options=options).bytes()),
                etag,
            )
        except _PastTheEndError:
            return b""

    def stream(self, name: str, *, etag: str = "") -> Iterator[bytes]:
        with self._told(name, etag):
            found = obstore.get(self._store, check_name(name), options=_only_if(etag))
            for part in found.stream(min_chunk_size=PART):
                yield bytes(part)

    def write(self, name: str, data: bytes | Path | BinaryIO) -> Blob:
        try:
            self._put(name, data)
        except NotFound as error:
            # the upload was complete, but its answer was lost and it was completed again
            if not isinstance(data, bytes | Path):
                raise Unavailable(f"{self.url}: the answer was lost; try again") from error
            self._put(name, data)
        return self.look(name)

    def _put(self, name: str, data: bytes | Path | BinaryIO) -> None:
        with self._told(name):
            obstore.put(
                self._store,
                check_name(name),
                data,
                chunk_size=PART,
                max_concurrency=_PARTS_AT_ONCE,
            )

    def delete(self, name: str) -> None:
        try:
            with self._told(name):
                obstore.delete(self._store, check_name(name))
        except NotFound:
            return

    def _ask(self, name: str, question: Callable[[], Result], etag: str = "") -> Result:
        """Ask again where the answer was cut off, of which obstore's own tries take no care."""
        for _ in range(_TRIES - 1):
            with suppress(_CutOffError), self._told(name, etag):
                return question()
        with self._told(name, etag):
            return question()

    @contextmanager
    def _told(self, name: str, etag: str = "") -> Iterator[None]:
        """Turn obstore's errors into the tree's."""
        try:
            yield
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error) or "ContainerNotFound" in str(error):
                raise self._no_bucket() from error
            raise NotFound("object", name, hint=f"It is not in {self.url}.") from error
        except PreconditionError as error:
            raise OtherState(name, etag) from error
        except UnknownConfigurationKeyError as error:
            raise InvalidInput(f"{self.url}: {_first_line(error)}") from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise self._refused(str(error)) from error
        except (BaseError, OSError, ValueError) as error:
            if isinstance(error, OmprovError):
                raise
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> OmprovError:
        text = str(error)
        status = _STATUS.search(text)
        code = _CODE.search(text)
        if any(word in text for word in _METADATA):
            return Unavailable(f"no credentials for {self.url}: {_CREDENTIALS[self._scheme]}")
        if status is not None and status[1] == "416":
            return _PastTheEndError(text)
        if code is not None and code[1] in {"NoSuchBucket", "ContainerNotFound"}:
            return self._no_bucket()
        if code is not None and code[1] in _BROKEN_CREDENTIALS:
            return self._refused(text)
        if status is not None:
            said = f"status {status[1]}" + (f", {code[1]}" if code is not None else "")
            return Unavailable(f"{self.url} answers with an error ({said}); try again later")
        if "BadScheme" in text:
            return InvalidInput(
                f"{self.url} is reached by plain HTTP, which anybody on the way can read; "
                "use https://, or set the option allow_http=true"
            )
        if "Missing" in text and "source: Missing" in text:
            return InvalidInput(f"{self.url}: {_cause(error)}; {_CREDENTIALS[self._scheme]}")
        if "HttpError" in text or "reqwest" in text:
            kind = _CutOffError if "body error" in text or "kind: Decode" in text else Unavailable
            return kind(
                f"{self.url} cannot be reached ({_cause(error)}). Look at the network and the "
                "option endpoint, and try again."
            )
        if isinstance(error, GenericError):
            return Unavailable(f"{self.url}: {_cause(error)}")
        return InvalidInput(f"{self.url}: {_cause(error)}")

    def _no_bucket(self) -> Unavailable:
        return Unavailable(
            f"{self.url}: there is no such bucket. Make it, or correct the URL or the option "
            "endpoint."
        )

    def _refused(self, text: str) -> Unavailable:
        code = _CODE.search(text)
        said = f" ({code[1]})" if code is not None else ""
        return Unavailable(
            f"{self.url} refuses these credentials{said}: {_CREDENTIALS[self._scheme]}"
        )


class _CutOffError(Unavailable):
    """The connection ended within an answer."""


class _PastTheEndError(Unavailable):
    """The range begins after the last byte."""


def _configuration(
    url: str, scheme: str, options: Mapping[str, str]
) -> tuple[dict[str, Any], ClientConfig]:
    """Return obstore's settings of the bucket, and of its HTTP client."""
    config: dict[str, Any] = {}
    client: dict[str, Any] = dict(_CLIENT)
    for name, value in options.items():
        if name in _SWITCHES:
            client[name] = _switch(url, name, value)
        elif name in _CLIENT_OPTIONS:
            client[name] = value
        elif name == "endpoint":
            config[_ENDPOINTS.get(scheme, name)] = value
        elif name == "anonymous":
            config["skip_signature"] = _switch(url, name, value)
        else:
            config[_ALIASES.get(name, name)] = value
    if "allow_http" not in client and is_this_machine(options.get("endpoint", "")):
        client["allow_http"] = True
    return config, client  # type: ignore[return-value]  # the names come from the user


def is_this_machine(endpoint: str) -> bool:
    """Say whether a URL's host is a loopback address."""
    host = urlsplit(endpoint).hostname
    if host is None:
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _switch(url: str, name: str, value: str) -> bool:
    if value.lower() not in {"true", "false", "1", "0"}:
        raise InvalidInput(f"{url}: the option {name} is true or false, not {value!r}")
    return value.lower() in {"true", "1"}


def _only_if(etag: str) -> GetOptions:
    return {"if_match": f'"{etag}"'} if etag else {}


def _blob(meta: ObjectMeta) -> Blob:
    etag = (meta["e_tag"] or "").strip('"')
    return Blob(meta["path"], meta["size"], etag, meta["last_modified"])


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0].rstrip(". ")


def _cause(error: Exception) -> str:
    """Return the last link of the chain in obstore's message: "… - HTTP error: …"."""
    return _first_line(error).rsplit(" - ", 1)[-1].rsplit(" error: ", 1)[-1].strip()
