"""What happens around versions, captured where it happens: so far, git.

`sync_git` imports the history of a git repository as the version graph of an algorithm;
`install_hooks` lets git do so by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._git._hooks import install_hooks, remove_hooks
    from ._git._sync import Synced, sync_git

__all__ = ["Synced", "install_hooks", "remove_hooks", "sync_git"]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "Synced": "._git._sync",
        "install_hooks": "._git._hooks",
        "remove_hooks": "._git._hooks",
        "sync_git": "._git._sync",
    },
)
