"""The root of the command line: finds commands, loads them on use, turns errors into exit codes."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn, cast

import click
from click.shell_completion import add_completion_class

from omprov.errors import OmprovError, Unavailable

from ._completion import ColonBash
from ._session import Session, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Begin": {
        "init": ("_setting_up", "Make a repository in a folder."),
        "demo": ("_setting_up", "Train a dozen small models and show what OMProv infers."),
        "doctor": ("_doctor", "Say what is captured here, what is not, and why."),
        "config": ("_setting_up", "Show or change settings."),
        "completion": ("_setting_up", "Print the script that completes commands in a shell."),
    },
    "Record": {
        "add": ("_folders", "Record the state of a folder or file as a version."),
        "run": ("_running", "Run a command and record it, with its inputs and outputs."),
        "sync": ("_syncing", "Deliver what runs left in their journals."),
        "git": ("_git", "Import the history of a git repository as a version graph."),
        "import": ("_importing", "Bring in what other tools recorded: TensorBoard's logs."),
        "checkout": ("_folders", "Write the files of a version into a folder."),
        "status": ("_status", "Compare folders with the versions that they hold."),
        "tag": ("_labels", "Show, set or take away tags of a version."),
        "alias": ("_labels", "Point an alias at a version."),
        "rm": ("_labels", "Remove a version; its place in every lineage stays."),
    },
    "Look": {
        "log": ("_looking", "List the versions of an asset, newest first."),
        "show": ("_looking", "Show everything about a version."),
        "cat": ("_reading_files", "Write a file of a version to standard output."),
        "diff": ("_comparing", "Measure by how much two versions differ, with evidence."),
        "graph": ("_pictures", "Draw the version graph of an asset."),
        "lineage": ("_pictures", "Show what a version came from, or what came of it."),
        "runs": ("_runs", "List runs, or show one."),
    },
    "Share": {
        "login": ("_signing_in", "Keep a token for a server."),
        "logout": ("_signing_in", "Forget the token of a server."),
        "ui": ("_serving", "Serve the repository to browsers and programs."),
        "remote": ("_remotes", "Name the buckets and folders that content is pushed to."),
        "push": ("_remotes", "Bring the content of versions to a remote."),
        "pull": ("_remotes", "Bring the content of versions here from a remote."),
        "copy": ("_copying", "Copy a whole repository into a new one, or to a server."),
        "cache": ("_cache", "See, empty or limit what is kept of files read from remotes."),
    },
    "People": {
        "user": ("_people", "Say who can sign in to the shared server, and what they may do."),
        "token": ("_people", "Make, list or revoke tokens, with which programs sign in."),
    },
    "Care": {
        "edge": ("_relations", "Declare an edge between existing versions, or take one away."),
        "policy": ("_relations", "Show or set how the roles of runs count for an asset."),
        "fsck": ("_checking", "Verify the database, every stored byte and every inferred edge."),
        "du": ("_caring", "Say what versions take up, and how much of it they share."),
        "gc": ("_caring", "Free the space of what no version needs any more."),
        "backup": ("_backups", "Copy the whole repository to a folder or bucket."),
        "restore": ("_backups", "Make a repository from a backup."),
        "migrate": ("_setting_up", "Bring an older repository to this release's layout."),
        "server": ("_server", "Care for what the shared server stands on."),
    },
}
"""Section → command → module that holds it, one line about it."""


add_completion_class(ColonBash)


class Application(click.Group):
    """A group that loads a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of the sections."""
        del ctx
        return [name for commands in SECTIONS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        del ctx
        for commands in SECTIONS.values():
            if cmd_name in commands:
                module = import_module(f"{__package__}.{commands[cmd_name][0]}")
                return cast("click.Command", getattr(module, f"{cmd_name}_command"))
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by section without loading any."""
        del ctx
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, about) for name, (_, about) in commands.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; of an unknown one say what it looks like."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            import difflib  # start-up: most names are right

            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader that went away is not click's business."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise _ReaderGone from error
        return result

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> NoReturn:
        """Run a command line and exit with its code."""
        words = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        with _quiet_pipes():
            code = _guarded(lambda: super(Application, self).main(words, *rest, **extra), words)
            sys.stdout.flush()
            sys.exit(code)


class _ReaderGone(Exception):
    """Nobody reads what we print (``| head``)."""


def _guarded(action: Any, words: Sequence[str]) -> int:
    """Run `action`; turn whatever it raises into one line and an exit code."""
    own = list(itertools.takewhile(lambda word: word != "--", words))
    as_json = "--json" in own
    debug = "--debug" in own or bool(os.environ.get("OMPROV_DEBUG"))
    try:
        result = action()
    except (BrokenPipeError, _ReaderGone):
        raise
    except OmprovError as error:
        if debug:
            traceback.print_exc()
        _say(type(error).__name__, str(error), as_json=as_json)
        return error.exit_code
    except click.UsageError as error:
        _say_usage(error, as_json=as_json)
        return 2
    except click.ClickException as error:
        _say(type(error).__name__, error.format_message(), as_json=as_json)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("Interrupted", "interrupted", as_json=as_json)
        return 130
    except OSError as error:  # of the system, seldom of ours: name the file and what it refused
        if debug:
            traceback.print_exc()
        place = (
            f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        )
        _say(type(error).__name__, f"{place}{error.strerror or error}", as_json=as_json)
        return Unavailable.exit_code
    except Exception as error:  # noqa: BLE001  the last resort: one line instead of a traceback
        if debug:
            traceback.print_exc()
        hint = "" if debug else " (--debug shows where)"
        _say(
            type(error).__name__,
            f"unexpected {type(error).__name__}: {error}{hint}",
            as_json=as_json,
        )
        return 1
    return result if isinstance(result, int) else 0


def _say_usage(error: click.UsageError, *, as_json: bool) -> None:
    if error.ctx and type(error).__name__ == "NoArgsIsHelpError" and not as_json:
        click.echo(error.ctx.get_help(), err=True)  # older releases of click print it themselves
        return
    command = error.ctx.command_path if error.ctx else "omprov"
    _say("UsageError", f"{error.format_message()} See `{command} --help`.", as_json=as_json)


def _say(kind: str, message: str, *, as_json: bool) -> None:
    """Print an error on standard error."""
    if as_json:
        print_json({"error": {"type": kind, "message": message}}, sys.stderr)
    else:
        encoding = sys.stderr.encoding or "utf-8"
        shown = f"omprov: {message}".encode(encoding, "backslashreplace").decode(encoding)
        click.secho(shown, err=True, fg="red")


@contextlib.contextmanager
def _quiet_pipes() -> Any:
    """End without a word when the reader of our output has gone (``| head``)."""
    try:
        yield
    except (BrokenPipeError, _ReaderGone):
        with contextlib.suppress(OSError, ValueError):  # nothing may be flushed at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)  # what a shell reports for SIGPIPE


@click.group(
    "omprov",
    cls=Application,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExample:\n  omprov init && omprov add data/digits --as dataset/digits",
)
@click.option("--repo", metavar="PATH", help="The repository; else OMPROV_URL, else the nearest.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.version_option(package_name="omprov", message="omprov %(version)s")
@click.pass_context
def application(ctx: click.Context, *, repo: str | None, as_json: bool, debug: bool) -> None:
    """Know where every model came from, and by how much it differs from those before it."""
    ctx.obj = Session(url=repo, as_json=as_json, debug=debug)
