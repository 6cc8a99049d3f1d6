"""Texts, figures, images and tables of a run, as files."""

from __future__ import annotations

import io
import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from omprov._lazy import Later
from omprov.errors import InvalidInput, MissingExtra

if TYPE_CHECKING:
    import csv
    from collections.abc import Iterable, Mapping, Sequence
else:  # a run starts without it
    csv = Later("csv", "")


def file_name(name: str, suffix: str, step: int | None) -> str:
    """Return where a file stands among those of its run: below a folder of its name, by steps.

    Raises:
        InvalidInput: it is no relative path.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise InvalidInput(f"{name!r} is no name for a file of a run: it takes a relative path")
    own = path.suffix or suffix
    if step is None:
        return str(path if path.suffix else path.with_name(path.name + own))
    return str(path.with_suffix("") / f"{step:08d}{own}")


def figure_bytes(figure: Any) -> bytes:
    """Draw a figure of Matplotlib (or what has its `savefig`), or of Plotly, as PNG.

    Raises:
        InvalidInput: it is neither.
    """
    target = io.BytesIO()
    owner = figure if hasattr(figure, "savefig") else getattr(figure, "figure", None)
    if hasattr(owner, "savefig"):
        owner.savefig(target, format="png")  # type: ignore[union-attr]
        return target.getvalue()
    if hasattr(figure, "to_image"):
        drawn: bytes = figure.to_image(format="png")
        return drawn
    raise InvalidInput(f"{type(figure).__name__} is no figure: give one of Matplotlib or Plotly")


def image_bytes(image: Any) -> bytes:
    """Return an image as PNG.

    Args:
        image: of Pillow, or an array of height × width (× 1, 3 or 4), bytes or floats in [0, 1].

    Raises:
        InvalidInput: it is no image.
        MissingExtra: an array needs Pillow.
    """
    if isinstance(image, bytes):
        return image
    target = io.BytesIO()
    if hasattr(image, "save"):
        image.save(target, format="PNG")
        return target.getvalue()
    try:
        import numpy as np
        from PIL import Image
    except ImportError as error:
        raise MissingExtra("demo", "turning arrays into images (Pillow)") from error
    array = np.asarray(image.detach().cpu() if hasattr(image, "detach") else image)
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[-1] not in {3, 4}):
        raise InvalidInput(
            f"an array of shape {array.shape} is no image: it takes height × width (× 1, 3 or 4)"
        )
    if array.dtype.kind == "f":
        array = (np.clip(np.nan_to_num(array), 0, 1) * 255).round()
    Image.fromarray(array.astype(np.uint8)).save(target, format="PNG")
    return target.getvalue()


def table_bytes(rows: Any) -> bytes:
    """Write a table as CSV.

    Args:
        rows: a data frame, mappings of column → value, or sequences, the first one the header.

    Raises:
        InvalidInput: it is no table.
    """
    if hasattr(rows, "to_csv"):
        text: str = rows.to_csv(index=False)
        return text.encode()
    if hasattr(rows, "write_csv"):
        written: str = rows.write_csv()
        return written.encode()
    listed = list(rows)
    target = io.StringIO(newline="")
    if listed and all(hasattr(row, "keys") for row in listed):
        _write_mappings(target, listed)
    else:
        try:
            csv.writer(target).writerows([_plain(value) for value in row] for row in listed)
        except TypeError as error:
            raise InvalidInput(f"this is no table: {error}; give rows") from error
    return target.getvalue().encode()


def _write_mappings(target: io.StringIO, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(target, columns)
    writer.writeheader()
    writer.writerows({name: _plain(value) for name, value in row.items()} for row in rows)


def _plain(value: Any) -> Any:
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=str)
    return value.item() if hasattr(value, "item") else value


def json_data(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn what people log into JSON data: numbers of arrays, paths and enums included.

    Raises:
        InvalidInput: a name is no text.
    """
    return {_key(name): _json(value) for name, value in values.items()}


def _key(name: Any) -> str:
    if not isinstance(name, str):
        raise InvalidInput(f"{name!r} is no name of a parameter: it takes text")
    return name


def _json(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value if type(value) in _PLAIN else _without_class(value)
        case dict():
            return {str(name): _json(item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            items: Iterable[Any] = (
                sorted(value, key=str) if isinstance(value, set | frozenset) else value
            )
            return [_json(item) for item in items]
        case _ if hasattr(value, "tolist"):
            return _json(value.tolist())
        case _ if hasattr(value, "item"):
            return _json(value.item())
        case _:
            return str(value)


_PLAIN = {type(None), bool, int, float, str}


def _without_class(value: Any) -> Any:
    """Return the plain value of an enum's member, or of another subclass of a plain type."""
    kind = next(one for one in (bool, int, float, str) if isinstance(value, one))
    return kind(value)
