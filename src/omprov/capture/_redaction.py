"""Keeps secrets out of what is recorded: by the names they go under, and by what they look like.

``docs/design/run-facts.md`` has the rules. What is redacted is replaced by `REDACTED`, so that a
reader sees that something was there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

REDACTED = "[redacted]"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ALWAYS = {
    "apikey", "authtoken", "accesskey", "accesstoken", "credential", "credentials", "creds",
    "passphrase", "passwd", "password", "passwords", "privatekey", "secret", "secretkey", "secrets",
}  # fmt: skip
_ALWAYS_ENDS = ("password", "passwd", "passphrase", "apikey", "secret")
_TEXT_ONLY = {"auth", "authorization", "bearer", "cookie", "cookies", "oauth"}
_POINTS_ELSEWHERE = {"file", "path", "dir", "folder", "name", "sock", "url", "uri", "host", "type"}
"""Last words of names that say where a secret is, or of which sort, and hold none."""
_KEY_OWNERS = {
    "access", "account", "admin", "anthropic", "api", "app", "auth", "aws", "azure", "client",
    "comet", "consumer", "deploy", "encryption", "gcp", "google", "hf", "license", "master",
    "openai", "private", "secret", "service", "shared", "signing", "ssh", "storage", "subscription",
    "wandb", "write",
}  # fmt: skip
_PASS_OWNERS = {"admin", "db", "ftp", "mail", "mysql", "pg", "postgres", "redis", "root", "smtp",
                "ssh", "user"}  # fmt: skip
_TOKEN_OF_TEXT = {
    "added", "additional", "audio", "begin", "bos", "class", "cls", "decoder", "end", "eos",
    "extra", "fim", "first", "forced", "image", "last", "mask", "max", "min", "n", "new", "next",
    "num", "object", "pad", "padding", "per", "prefix", "prompt", "register", "sep", "separator",
    "soft", "special", "start", "stop", "suffix", "think", "tool", "trigger", "unk", "unknown",
    "video", "vocab", "word",
}  # fmt: skip
_ABOUT_TOKENS = {
    "budget", "classification", "count", "dim", "dropout", "embedding", "embeddings", "id", "ids",
    "index", "labels", "len", "length", "level", "limit", "merging", "mixing", "num", "rate",
    "shift", "size", "type", "types",
}  # fmt: skip
_IN_QUERIES = {"sig", "signature", "x-amz-signature", "x-amz-credential", "x-goog-signature"}
_SHAPES = re.compile(
    r"""
    \b(?:
      hf_[A-Za-z0-9]{20,} | api_org_[A-Za-z0-9]{20,}
    | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_[A-Za-z0-9_]{20,} | glpat-[\w-]{16,}
    | sk-[A-Za-z0-9_-]{20,} | [rs]k_(?:live|test)_[A-Za-z0-9]{16,}
    | (?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b
    | xox[abeoprs]-[A-Za-z0-9-]{10,} | AIza[\w-]{35} | ya29\.[\w-]{20,}
    | npm_[A-Za-z0-9]{30,} | pypi-[\w-]{50,} | dapi[0-9a-f]{32}\b | r8_[A-Za-z0-9]{30,}
    | nvapi-[\w-]{30,} | SG\.[\w-]{16,}\.[\w-]{16,}
    | eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}
    )
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_URL = re.compile(r"(?P<before>\b[A-Za-z][\w+.-]*://[^\s/:@'\"]*:)[^\s/@'\"]+(?=@)")
_IN_QUERY = re.compile(r"(?P<before>[?&](?P<name>[\w.-]+)=)(?P<value>[^&\s'\"#]+)")
_HEADER = re.compile(
    r"(?P<before>\b(?:authorization|x-api-key|private-token)\s*[:=]\s*['\"]?"
    r"(?:(?:bearer|basic|token|digest)\s+)?|\b(?:bearer|basic)\s+(?=\S{16}))[^\s'\",;]+",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(
    r"""(?P<before>(?P<quote>["']?)(?P<name>[A-Za-z_][\w.-]*)(?P=quote)
        (?:(?<=["'])\s*:\s*|\s?=\s?))(?P<value>"[^"]*"|'[^']*'|[^\s,;&"'(){}\[\]]+)""",
    re.VERBOSE,
)
_OPTION = re.compile(r"(?P<before>(?<!\S)--?(?P<name>[A-Za-z][\w.-]*)\s+)(?P<value>[^\s-]\S*)")
_FLAG = re.compile(r"--?(?P<name>[A-Za-z][\w.-]*)")


@dataclass(frozen=True, slots=True)
class Redaction:
    """What counts as secret.

    Attributes:
        names: further names that are secret, with ``*`` and ``?`` as in file names; upper and lower
            case count as the same, and ``-`` as ``_``.
        exceptions: names that are not, whatever else is said.
    """

    names: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()

    def is_secret(self, name: str, value: object = "x") -> bool:
        """Say whether what goes under a name is to be kept out.

        Args:
            name: of an environment variable, an option, a key of a file.
            value: what it holds: a number is no API key, whatever it is called.
        """
        if value is None or isinstance(value, bool) or value == "":
            return False
        plain = _plain(name)
        if any(fnmatchcase(plain, _plain(one)) for one in self.exceptions):
            return False
        if any(fnmatchcase(plain, _plain(one)) for one in self.names):
            return True
        return _names_secret(name, value)

    def text(self, text: str) -> str:
        """Replace what looks like a secret anywhere in a text, and keep the rest.

        Known shapes of tokens, private keys, passwords in URLs and headers, and values that are
        assigned to secret names (``TOKEN=x``, ``"password": "x"``, ``--api-key x``).
        """
        text = _SHAPES.sub(REDACTED, text)
        text = _IN_URL.sub(rf"\g<before>{REDACTED}", text)
        text = _HEADER.sub(rf"\g<before>{REDACTED}", text)
        for pattern in (_IN_QUERY, _ASSIGNED, _OPTION):
            text = pattern.sub(self._replaced, text)
        return text

    def shapes(self, text: str) -> str:
        """Replace known shapes of secrets only; for program text, where names are variables."""
        return _IN_URL.sub(rf"\g<before>{REDACTED}", _SHAPES.sub(REDACTED, text))

    def words(self, command: Sequence[str]) -> list[str]:
        """Redact the words of a command line: ``--api-key X``, ``--password=X``, ``TOKEN=X``."""
        result: list[str] = []
        after: str | None = None
        for word in command:
            flag = _FLAG.fullmatch(word)
            if after is not None and flag is None and self.is_secret(after, _as_number(word)):
                result.append(REDACTED)
            else:
                result.append(self.text(word))
            after = None if flag is None else flag["name"]
        return result

    def value(self, name: str, value: Any) -> Any:
        """Redact one value of JSON data, by its name and its look."""
        match value:
            case dict() if value and self.is_secret(name, 0):  # secrets by their own names
                return REDACTED
            case dict():
                return {
                    self.text(str(key)): self.value(str(key), below) for key, below in value.items()
                }
            case list() | tuple():
                return [self.value(name, below) for below in value]
            case _ if self.is_secret(name, value):
                return REDACTED
            case str():
                return self.text(value)
            case _:
                return value

    def mapping(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Redact JSON data: parameters, the values of a file, environment variables."""
        return {name: self.value(name, value) for name, value in values.items()}

    def _replaced(self, match: re.Match[str]) -> str:
        value = match["value"].strip("\"'")
        name = match["name"]
        in_query = match.re is _IN_QUERY and name.lower() in _IN_QUERIES
        if value == REDACTED or not (in_query or self.is_secret(name, _as_number(value))):
            return match[0]
        quote = match["value"][0] if match["value"][:1] in {'"', "'"} else ""
        return f"{match['before']}{quote}{REDACTED}{quote}"


DEFAULT = Redaction()


def find_redacted(values: Mapping[str, Any], prefix: str = "") -> tuple[str, ...]:
    """Return the dotted names of what is redacted in JSON data."""
    return tuple(_iter_redacted(values, prefix))


def _iter_redacted(value: Any, name: str) -> Iterable[str]:
    match value:
        case dict():
            for key, below in value.items():
                yield from _iter_redacted(below, f"{name}.{key}" if name else str(key))
        case list():
            for place, below in enumerate(value):
                yield from _iter_redacted(below, f"{name}.{place}")
        case str() if REDACTED in value:
            yield name
        case _:
            pass


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def _as_number(text: str) -> object:
    """Return a number where a text is one, so that it counts as a number."""
    try:
        return float(text)
    except ValueError:
        return text


def _names_secret(name: str, value: object) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _POINTS_ELSEWHERE:
        return False
    if any(word in _ALWAYS or word.endswith(_ALWAYS_ENDS) for word in words):
        return True
    if words[-1] == "pwd" and len(words) > 1:
        return True
    if words[-1] == "pass" and len(words) > 1 and words[-2] in _PASS_OWNERS:
        return True
    if isinstance(value, int | float):
        return False
    if _TEXT_ONLY.intersection(words):
        return True
    return _is_token(words) or _is_key(name, words, value)


def _is_token(words: list[str]) -> bool:
    """Say whether the word token means a secret: not a piece of text, as for language models."""
    places = [place for place, word in enumerate(words) if word.endswith("token")]
    for place in places:
        after = words[place + 1] if place + 1 < len(words) else ""
        before = words[place - 1] if place else ""
        if before not in _TOKEN_OF_TEXT and after not in _ABOUT_TOKENS:
            return True
    return False


def _is_key(name: str, words: list[str], value: object) -> bool:
    """Say whether the word key means a secret: not a column, or the key of an attention layer."""
    if words[-1] != "key" and words[-2:] != ["key", "id"]:
        return False
    place = len(words) - 1 - words[::-1].index("key")
    if place and words[place - 1] in _KEY_OWNERS:
        return True
    if name.upper() == name and words[-1] == "key":  # as environment variables are written
        return True
    return words[-1] == "key" and isinstance(value, str) and _looks_random(value)


def _looks_random(text: str) -> bool:
    """Say whether a text is long, one word, and mixes letters and digits."""
    return (
        len(text) >= 20
        and re.fullmatch(r"[\w+/=.-]+", text) is not None
        and re.search(r"\d", text) is not None
        and re.search(r"[A-Za-z]", text) is not None
        and "/" not in text[:2]
    )
