"""How comparisons and orders read in SQL. Of what is asked for, `_criteria` says what there is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import (
    BigInteger,
    Double,
    Text,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    type_coerce,
)

from omprov.catalog._mlflow_tables import (
    INDEXED,
    link,
    logged_model,
    logged_model_metric,
    logged_model_param,
)
from omprov.catalog._tables import metric, run_param
from omprov.catalog._tables import tag as tag_table
from omprov.errors import InvalidInput

from ._criteria import LOGGED_MODELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from omprov.catalog._transaction import AnySelect

    from ._criteria import Comparison, Criteria, Ordering, Subject

_METRIC = metric.alias("sought")  # the search itself may go along `metric`
_GLOB = re.compile(r"[*?\[]")


def searched(query: AnySelect, subject: Subject, criteria: Criteria, dialect: str) -> AnySelect:
    """Give the query the conditions and the order of a search."""
    for comparison in criteria.comparisons:
        query = query.where(condition(subject, comparison, dialect, criteria.datasets))
    if criteria.datasets and not any(one.entity == "metric" for one in criteria.comparisons):
        query = query.where(exists().where(_of_model(), _on_datasets(criteria.datasets)))
    for ordering in criteria.orderings:
        query = query.order_by(*_order(subject, ordering, dialect))
    return query


def page_of(query: AnySelect, limit: int, offset: int) -> AnySelect:
    """Cut a page out of a query."""
    return query.limit(limit).offset(offset) if offset else query.limit(limit)


def condition(
    subject: Subject,
    comparison: Comparison,
    dialect: str,
    datasets: Sequence[tuple[str, str]] = (),
) -> ColumnElement[bool]:
    """Return what a comparison asks for."""
    match comparison.entity:
        case "attribute":
            return _attribute(subject, comparison, dialect)
        case "metric":
            return exists().where(*_metric(subject, comparison, datasets))
        case "tag":
            of_it = (
                tag_table.c.target == subject.target,
                tag_table.c.name == comparison.key,
            )
            return _labelled(
                of_it, tag_table.c.value, comparison, dialect, lacking=subject.lacking_differs
            )
        case "param":
            return _param(subject, comparison, dialect)
        case "dataset":
            column = {"name": link.c.name, "digest": link.c.digest, "context": link.c.context}
            return exists().where(
                link.c.run_key == subject.key,
                link.c.sort == "dataset",
                compared(column[comparison.key], comparison, dialect),
            )


def compared(
    column: ColumnElement[Any], comparison: Comparison, dialect: str
) -> ColumnElement[bool]:
    """Compare a column of texts or numbers."""
    value = comparison.value
    match comparison.operator:
        case "=":
            return column == value
        case "!=":
            return column != value
        case "<":
            return column < value
        case "<=":
            return column <= value
        case ">":
            return column > value
        case ">=":
            return column >= value
        case "IN":
            return column.in_(cast("tuple[str, ...]", value))
        case "NOT IN":
            return column.not_in(cast("tuple[str, ...]", value))
        case "LIKE":
            return _like(column, str(value), dialect)
        case "ILIKE":
            return _like_in_any_case(column, str(value), dialect)
        case "IS NULL":
            return column.is_(None)
        case "IS NOT NULL":
            return column.is_not(None)
        case other:
            raise InvalidInput(f"{other!r} is no operator of a search")


def _like(column: ColumnElement[Any], pattern: str, dialect: str) -> ColumnElement[bool]:
    if dialect == "postgresql":
        return column.like(pattern.replace("\\", "\\\\"))
    glob = _GLOB.sub(lambda found: f"[{found[0]}]", pattern).replace("%", "*").replace("_", "?")
    return column.op("GLOB")(glob)


def _like_in_any_case(
    column: ColumnElement[Any], pattern: str, dialect: str
) -> ColumnElement[bool]:
    if dialect == "postgresql":
        return column.ilike(pattern.replace("\\", "\\\\"))
    return column.op("LIKE")(pattern)


def _attribute(subject: Subject, comparison: Comparison, dialect: str) -> ColumnElement[bool]:
    column = subject.attributes[comparison.key]
    if comparison.key in subject.times:
        microseconds = literal(float(cast("float", comparison.value)) * 1000, Double)
        return compared(
            type_coerce(column, BigInteger),
            _with_value(comparison, cast("Any", microseconds)),
            dialect,
        )
    if comparison.key in subject.ids:
        if comparison.operator in {"=", "!=", "IN", "NOT IN"}:
            return compared(column, _with_value(comparison, as_uuids(comparison.value)), dialect)
        column = func.replace(column, "-", "")
    return compared(column, comparison, dialect)


def _with_value(comparison: Comparison, value: Any) -> Comparison:
    return type(comparison)(comparison.entity, comparison.key, comparison.operator, value)


def as_uuids(value: Any) -> Any:
    """Return ids of runs, or several, with the hyphens that MLflow leaves out."""
    if isinstance(value, tuple):
        return tuple(as_uuids(one) for one in value)
    text = str(value)
    if len(text) != 32:
        return text
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _metric(
    subject: Subject, comparison: Comparison, datasets: Sequence[tuple[str, str]]
) -> list[ColumnElement[bool]]:
    value = _with_value(comparison, float(cast("float", comparison.value)))
    if subject is not LOGGED_MODELS:
        return [
            _METRIC.c.run_key == subject.key,
            _METRIC.c.name == comparison.key,
            _number(_METRIC.c.value, value),
        ]
    return [
        _of_model(),
        logged_model_metric.c.name == comparison.key,
        _number(logged_model_metric.c.value, value),
        *([_on_datasets(datasets)] if datasets else []),
    ]


def _number(column: ColumnElement[Any], comparison: Comparison) -> ColumnElement[bool]:
    """Compare a metric; NaN, which is stored as NULL, differs from every number."""
    met = compared(column, comparison, "")
    return or_(met, column.is_(None)) if comparison.operator == "!=" else met


def _of_model() -> ColumnElement[bool]:
    return logged_model_metric.c.model_key == logged_model.c.key


def _on_datasets(datasets: Sequence[tuple[str, str]]) -> ColumnElement[bool]:
    on = logged_model_metric.c
    return or_(
        *(
            and_(on.dataset_name == name, *([on.dataset_digest == digest] if digest else []))
            for name, digest in datasets
        )
    )


def _param(subject: Subject, comparison: Comparison, dialect: str) -> ColumnElement[bool]:
    if subject is LOGGED_MODELS:
        of_it = (
            logged_model_param.c.model_key == subject.key,
            logged_model_param.c.name == comparison.key,
        )
        return _labelled(of_it, logged_model_param.c.value, comparison, dialect)
    of_run = (run_param.c.run_key == subject.key, run_param.c.name == comparison.key)
    if comparison.operator in {"=", "!="}:
        written = _with_value(comparison, json.dumps(comparison.value))
        return _labelled(of_run, type_coerce(run_param.c.value, Text), written, dialect)
    return _labelled(of_run, _text_of(run_param.c.value, dialect), comparison, dialect)


def _text_of(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Return the text that a column of JSON holds."""
    raw = type_coerce(column, Text)
    if dialect == "postgresql":
        top: ColumnElement[str] = literal_column("'{}'")
        return raw.op("::json #>>")(top)
    return func.json_extract(raw, "$")


def _labelled(
    of_it: Sequence[ColumnElement[bool]],
    column: ColumnElement[Any],
    comparison: Comparison,
    dialect: str,
    *,
    lacking: bool = False,
) -> ColumnElement[bool]:
    """Compare a value that may be absent.

    Args:
        of_it: what finds it.
        column: the value.
        comparison: with what.
        dialect: the database.
        lacking: ``!=`` is met by what has none.
    """
    match comparison.operator:
        case "IS NULL":
            return not_(exists().where(*of_it))
        case "IS NOT NULL":
            return exists().where(*of_it)
        case "!=" if lacking:
            return not_(exists().where(*of_it, column == comparison.value))
        case _:
            return exists().where(*of_it, compared(column, comparison, dialect))


def _order(subject: Subject, ordering: Ordering, dialect: str) -> tuple[ColumnElement[Any], ...]:
    if ordering.entity == "attribute":
        column = subject.attributes[ordering.key]
        if ordering.key in subject.times | subject.numbers:
            column = type_coerce(column, BigInteger)
        if ordering.key == "end_time":  # all the others are always there
            return case((column.is_(None), 1), else_=0), _directed(column, ordering)
        return (_directed(column, ordering),)
    value = _value_of(subject, ordering, dialect)
    if ordering.entity == "metric" and subject is not LOGGED_MODELS:  # NaN before none
        there = exists().where(_METRIC.c.run_key == subject.key, _METRIC.c.name == ordering.key)
        missing = case((value.is_not(None), 0), (there, 1), else_=2)
    else:
        missing = case((value.is_(None), 1), else_=0)
    return missing, _directed(value, ordering)


def _directed(column: ColumnElement[Any], ordering: Ordering) -> ColumnElement[Any]:
    return column.asc() if ordering.ascending else column.desc()


def _value_of(subject: Subject, ordering: Ordering, dialect: str) -> ColumnElement[Any]:
    """Return the value to order by, as a subquery; NULL where there is none."""
    key = ordering.key
    if ordering.entity == "tag":
        query = select(tag_table.c.value).where(
            tag_table.c.target == subject.target, tag_table.c.name == key
        )
    elif ordering.entity == "param":
        query = select(_text_of(run_param.c.value, dialect)).where(
            run_param.c.run_key == subject.key, run_param.c.name == key
        )
    elif ordering.entity != "metric":
        return false()
    elif subject is not LOGGED_MODELS:
        query = select(_METRIC.c.value).where(
            _METRIC.c.run_key == subject.key, _METRIC.c.name == key
        )
    else:
        on = logged_model_metric.c
        query = (
            select(on.value)
            .where(_of_model(), on.name == key)
            .order_by(on.time.desc(), on.step.desc())
            .limit(1)
        )
        if ordering.dataset[0]:
            query = query.where(_on_datasets([ordering.dataset]))
    return query.scalar_subquery()


def equals_by_index(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Ask for a value by the start of it that its index holds, then by all of it."""
    first: ColumnElement[int] = literal_column("1")  # as the index is written
    last: ColumnElement[int] = literal_column(str(INDEXED))
    start = func.substr(column, first, last, type_=Text)
    # `column = text` alone would let SQLite put the text in place of the column in `start`
    return and_(start == text[:INDEXED], type_coerce(column, Text) + "" == text)
