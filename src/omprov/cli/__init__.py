"""The command line ``omprov``: one module for each group of commands; parse, call, render.

Nothing here decides anything about versions: every command calls the repository and shows what it
answers, for people or, with ``--json``, for programs.

- `_application` finds commands and turns errors into exit codes; `_command` says how one is
  declared; `_session` is what a command has at hand.
- `_setting_up`, `_folders`, `_status`, `_running`, `_runs`, `_looking`, `_comparing`,
  `_pictures`, `_labels` and `_relations` hold the commands.
- `_lanes`, `_lane_drawing` and `_graph_picture` draw version graphs, each step for itself.
"""

import gc

from ._application import application

__all__ = ["application", "main"]

_COLLECTED_AFTER = 100_000
"""Objects. A command is short: looking for cycles while it loads is a fifth of its start."""


def main() -> None:
    """Run the command line of this process; the entry point of ``omprov``."""
    gc.set_threshold(_COLLECTED_AFTER, 20, 20)
    application.main(prog_name="omprov")
