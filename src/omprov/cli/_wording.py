"""Numbers, sizes, ages and names as people read them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from omprov.records import Difference

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_AGES = (
    (365 * 86_400, "year"),
    (30 * 86_400, "month"),
    (7 * 86_400, "week"),
    (86_400, "day"),
    (3_600, "hour"),
    (60, "minute"),
)


def printable(text: str) -> str:
    """Make control characters visible, so that recorded text cannot steer a terminal."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def paragraph(text: str, indent: str = "") -> str:
    """Return all lines, printable and indented."""
    return "\n".join(indent + printable(line.rstrip()) for line in text.strip().split("\n"))


def first_line(text: str) -> str:
    """Return the first line, printable."""
    return printable(text.strip().partition("\n")[0])


def number(value: float) -> str:
    """Write a number with up to four significant digits, whole numbers whole."""
    if value == int(value) if abs(value) < 1e15 else False:
        return f"{int(value):,}"
    return f"{value:.4g}"


def weight(value: float | None) -> str:
    """Write an amount of difference: three significant digits."""
    if value is None:
        return "?"
    return "0" if value == 0 else f"{value:.3g}" if value >= 0.001 else f"{value:.1e}"


def plural(count: float, noun: str) -> str:
    """Write a count with its noun."""
    return f"{number(count)} {noun}" + ("" if count == 1 else "s")


def size(count: int) -> str:
    """Write a number of bytes."""
    if count < 1024:
        return f"{count} B"
    value, unit = float(count), 0
    while value >= 1023.95 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {_UNITS[unit]}"


def age(then: datetime, now: datetime) -> str:
    """Write how long ago something was."""
    seconds = (now - then).total_seconds()
    for length, noun in _AGES:
        if seconds >= length:
            return plural(int(seconds // length), noun) + " ago"
    return "just now"


def short_age(then: datetime, now: datetime) -> str:
    """Write how long ago something was, for a narrow column."""
    words = age(then, now).removesuffix(" ago").replace("minute", "min").replace("mins", "min")
    return "now" if words == "just now" else words


def duration(length: timedelta) -> str:
    """Write how long something took."""
    seconds = length.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def moment(when: datetime) -> str:
    """Write a time to the second, in UTC."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def evidence(difference: Difference) -> str:
    """Say in one line what a difference is made of."""
    if not difference.total and not difference.exact:
        return f"{difference.measure}: not compared"
    if not difference.amount:
        return f"{difference.measure}: nothing differs"
    if difference.measure == "tensors":
        return _tensors(difference)
    text = f"{difference.measure}: {number(difference.amount)} of {number(difference.total)} differ"
    facts = counted(difference.counts)
    return text + (f" ({facts})" if facts else "")


def _tensors(difference: Difference) -> str:
    """Say how many tensors differ; the amount is in numbers, which tells people little."""
    counts = dict(difference.counts)
    total = counts.pop("tensors", 0)
    others = counts.pop("other_files", 0)
    text = f"{difference.measure}: {number(sum(counts.values()))} of {number(total)} differ"
    facts = [counted(counts), plural(others, "other file") if others else ""]
    shown = ", ".join(fact for fact in facts if fact)
    return text + (f" ({shown})" if shown else "")


def counted(counts: Mapping[str, float]) -> str:
    """Write the counts of a measure that are not zero."""
    return ", ".join(
        f"{name.replace('_', ' ')} {number(count)}" for name, count in counts.items() if count
    )


def pairs(values: Mapping[str, Any]) -> str:
    """Write names with their values; they may need to be made printable."""
    return "  ".join(f"{name}={plain(value)}" for name, value in values.items())


def plain(value: Any) -> str:
    """Write a JSON value for people; it may need to be made printable."""
    match value:
        case bool() | str():
            return str(value)
        case int() | float():
            return f"{value:.6g}" if isinstance(value, float) else str(value)
        case dict():
            return ", ".join(f"{name} {plain(item)}" for name, item in value.items())
        case _:
            return str(value)


def told_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """Leave out what the system says of every run: it has its place in `runs show`."""
    return {name: value for name, value in metrics.items() if not name.startswith("system/")}
