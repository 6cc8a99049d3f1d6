"""What happens around versions, captured where it happens: runs of scripts, and git.

`start_run` begins a run, whose journal is delivered beside the training; `sync_runs` delivers what
earlier processes have left. `sync_git` imports the history of a git repository as the version graph
of an algorithm; `install_hooks` lets git do so by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._doctor import Captured, Diagnosis, diagnose
    from ._folders import version_on_disk
    from ._git._hooks import install_hooks, remove_hooks
    from ._git._sync import Synced, sync_git
    from ._running._facts import name_of_command, script_facts
    from ._running._recording import record_command
    from ._running._wanted import DeclaredOutput, Outcome, Reason, Wanted
    from ._runs._active import ActiveRun, Used
    from ._runs._homes import Home
    from ._runs._starting import active_run, recorded_calls, start_run
    from ._runs._syncing import SyncedRuns, sync_runs

__all__ = [
    "ActiveRun",
    "Captured",
    "DeclaredOutput",
    "Diagnosis",
    "Home",
    "Outcome",
    "Reason",
    "Synced",
    "SyncedRuns",
    "Used",
    "Wanted",
    "active_run",
    "diagnose",
    "install_hooks",
    "name_of_command",
    "record_command",
    "recorded_calls",
    "remove_hooks",
    "script_facts",
    "start_run",
    "sync_git",
    "sync_runs",
    "version_on_disk",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "ActiveRun": "._runs._active",
        "Captured": "._doctor",
        "DeclaredOutput": "._running._wanted",
        "Diagnosis": "._doctor",
        "Home": "._runs._homes",
        "Outcome": "._running._wanted",
        "Reason": "._running._wanted",
        "Synced": "._git._sync",
        "SyncedRuns": "._runs._syncing",
        "Used": "._runs._active",
        "Wanted": "._running._wanted",
        "active_run": "._runs._starting",
        "diagnose": "._doctor",
        "install_hooks": "._git._hooks",
        "name_of_command": "._running._facts",
        "record_command": "._running._recording",
        "recorded_calls": "._runs._starting",
        "remove_hooks": "._git._hooks",
        "script_facts": "._running._facts",
        "start_run": "._runs._starting",
        "sync_git": "._git._sync",
        "sync_runs": "._runs._syncing",
        "version_on_disk": "._folders",
    },
)
