"""The server: the calls of `Repository` as REST, for people and for the tools that they have.

`create_app` makes the application, `serve` runs it; `Settings` says of what repository, and for
whom. Nothing here decides anything about versions: every route checks who asks, calls the
repository, and answers with what it gave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._access import Access
    from ._app import create_app
    from ._serving import serve
    from ._settings import Settings

__all__ = ["Access", "Settings", "create_app", "serve"]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "Access": "._access",
        "Settings": "._settings",
        "create_app": "._app",
        "serve": "._serving",
    },
)
