"""The filter grammar of MLflow's searches, parsed by a parser, and their orders.

``metrics.acc > 0.9 AND params.`my opt` = 'sgd'``: comparisons joined by AND. What they may name is
the matter of each search's `Subject`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from omprov.catalog.mlflow import PRESENT, Comparison, Ordering
from omprov.errors import MissingExtra

from ._errors import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lark import Lark, Token, Tree

    from omprov.catalog.mlflow import Subject

_GRAMMAR = r"""
filter: [comparison ("AND"i comparison)*]
comparison: KEY OPERATOR value          -> compared
    | KEY LIKE text                     -> compared
    | KEY "IN"i list                    -> within
    | KEY "NOT"i "IN"i list             -> outside
    | KEY "IS"i "NULL"i                 -> absent
    | KEY "IS"i "NOT"i "NULL"i          -> present
order: KEY DIRECTION?
?value: NUMBER | text
text: DOUBLE | SINGLE
list: "(" text ("," text)* ","? ")"
KEY: /(`\w+`|\w+)(\.("[^"]*"|'[^']*'|`[^`]*`|[^\s=<>!,()'"`]+))?/
OPERATOR: "!=" | ">=" | "<=" | "=" | ">" | "<"
LIKE: "LIKE"i | "ILIKE"i
DIRECTION: "ASC"i | "DESC"i
NUMBER: /[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?/
DOUBLE: /"(""|[^"])*"/
SINGLE: /'(''|[^'])*'/
%import common.WS
%ignore WS
"""

_ENTITIES = {
    "attribute": "attribute",
    "attributes": "attribute",
    "attr": "attribute",
    "run": "attribute",
    "metric": "metric",
    "metrics": "metric",
    "param": "param",
    "params": "param",
    "parameter": "param",
    "parameters": "param",
    "tag": "tag",
    "tags": "tag",
    "dataset": "dataset",
    "datasets": "dataset",
}
_ALIASES = {
    "created": "start_time",
    "Created": "start_time",
    "run name": "run_name",
    "Run name": "run_name",
    "Run Name": "run_name",
    "creation_time": "creation_timestamp",
    "creation_timestamp_ms": "creation_timestamp",
    "last_updated_timestamp_ms": "last_updated_timestamp",
    "timestamp": "last_updated_timestamp",
}
_NUMERIC = frozenset({"=", "!=", "<", "<=", ">", ">="})
_TEXTUAL = frozenset({"=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"})
_LABELS = frozenset({"=", "!=", "LIKE", "ILIKE", *PRESENT})
_DATASET_KEYS = frozenset({"name", "digest", "context"})
_LONGEST = 20_000
"""Characters of a filter; what is longer was not written by anybody."""
_MOST = 100
"""Comparisons of a filter, and keys of an order: each is a query of its own to the database."""


def parse_filter(text: str | None, subject: Subject) -> tuple[Comparison, ...]:
    """Read a filter; an empty one asks for nothing.

    Raises:
        Refused: it does not parse, or names or compares what cannot be.
    """
    if not text or not text.strip():
        return ()
    tree = _parsed(text, "filter", f"Invalid filter {text[:200]!r}")
    if len(tree.children) > _MOST:
        raise invalid(f"A filter takes at most {_MOST} comparisons, not {len(tree.children)}.")
    return tuple(_comparison(cast("Tree[Token]", one), subject) for one in tree.children)


def parse_order(texts: Iterable[str], subject: Subject) -> tuple[Ordering, ...]:
    """Read the keys of an order, the first of which counts most.

    Raises:
        Refused: one does not parse, or names what there is not.
    """
    found: list[Ordering] = []
    for text in texts:
        if len(found) == _MOST:
            raise invalid(f"An order takes at most {_MOST} keys.")
        tree = _parsed(text, "order", f"Invalid order_by clause {text[:200]!r}")
        entity, key = _identified(str(tree.children[0]), subject)
        if entity == "dataset":
            raise invalid(f"Invalid order_by clause {text!r}: runs have several datasets.")
        ascending = len(tree.children) < 2 or str(tree.children[1]).upper() == "ASC"
        found.append(Ordering(cast("Any", entity), key, ascending))
    return tuple(found)


def _parsed(text: str, start: str, complaint: str) -> Tree[Token]:
    from lark.exceptions import LarkError

    if len(text) > _LONGEST:
        raise invalid(f"{complaint}: it is longer than {_LONGEST} characters.")
    try:
        return _parser().parse(text, start=start)
    except LarkError as error:
        said = str(error).splitlines()[0] if str(error) else "it does not parse"
        raise invalid(
            f"{complaint}: {said}. Write comparisons joined by AND, "
            "for instance metrics.acc > 0.9 AND params.lr = '0.1'."
        ) from error


@cache
def _parser() -> Lark:
    try:
        from lark import Lark
    except ImportError as error:
        raise MissingExtra("server", "searching in MLflow's filter language") from error
    return Lark(_GRAMMAR, parser="lalr", start=["filter", "order"])


def _comparison(tree: Tree[Token], subject: Subject) -> Comparison:
    entity, key = _identified(str(tree.children[0]), subject)
    value: float | str | tuple[str, ...] | None
    match tree.data:
        case "absent":
            operator, value = "IS NULL", None
        case "present":
            operator, value = "IS NOT NULL", None
        case "within" | "outside":
            texts = cast("Tree[Token]", tree.children[1]).children
            operator = "IN" if tree.data == "within" else "NOT IN"
            value = tuple(_text(cast("Tree[Token]", one)) for one in texts)
        case _:
            operator = str(tree.children[1]).upper()
            value = _value(tree.children[2])
    _check(subject, entity, key, operator, value)
    return Comparison(cast("Any", entity), key, operator, value)


def _check(subject: Subject, entity: str, key: str, operator: str, value: object) -> None:
    shown = f"{entity} {key!r}"
    if subject.is_number(entity, key):
        if operator not in _NUMERIC:
            raise invalid(f"Invalid comparator {operator!r} for the number {shown}.")
        if not isinstance(value, float):
            raise invalid(f"Expected numeric value for {shown}, not {value!r}.")
        return
    allowed = _TEXTUAL if entity in {"attribute", "dataset"} else _LABELS
    if entity == "param" and subject.name == "logged models":
        allowed |= _TEXTUAL
    if entity == "attribute" and key == "end_time":
        allowed |= frozenset(PRESENT)
    if operator not in allowed:
        raise invalid(f"Invalid comparator {operator!r} for {shown}.")
    if isinstance(value, float):
        raise invalid(f"Expected a quoted string value for {shown} (e.g. 'my-value').")


def _identified(text: str, subject: Subject) -> tuple[str, str]:
    """Return what a key names: the sort of thing, and its name."""
    head, dot, rest = text.partition(".")
    name = rest if dot else head
    entity = "attribute" if not dot else _ENTITIES.get(head.strip("`"), "")
    if dot and name[0] in "\"'`":
        name = name[1:-1]
    elif not dot:
        name = name.strip("`")
    if entity not in subject.entities:
        raise invalid(
            f"Invalid entity type {head!r} in a search of {subject.name}. "
            f"Valid ones are {sorted(subject.entities)}."
        )
    if entity == "attribute":
        name = name if name in subject.attributes else _ALIASES.get(name, name)
        if name not in subject.attributes:
            raise invalid(
                f"Invalid attribute key {name!r}. Valid keys are {sorted(subject.attributes)}."
            )
    if entity == "dataset" and name not in _DATASET_KEYS:
        raise invalid(f"Invalid dataset key {name!r}. Valid keys are {sorted(_DATASET_KEYS)}.")
    return entity, name


def _value(part: Tree[Token] | Token) -> float | str:
    return (
        _text(cast("Tree[Token]", part)) if hasattr(part, "children") else float(cast("str", part))
    )


def _text(part: Tree[Token]) -> str:
    token = str(part.children[0])
    quote = token[0]
    return token[1:-1].replace(quote * 2, quote)
