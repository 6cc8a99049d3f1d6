"""Child processes that work beside this one, for what threads of Python cannot do at once.

They are plain children of this interpreter that talk over sockets, not `multiprocessing`: nothing
of the calling program is forked or imported again, so a script, a notebook or a process full of
threads can use them. What they do is said by a function of this package; this module only starts
them, carries messages and notices when they die.
"""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
from importlib import import_module
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from omprov.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    Serve = Callable[..., None]
    """Called in the child with its `Connection` and the arguments given to `Workers`; it ends when
    the connection does (`EOFError`)."""

_COLLECTED_AFTER = 100_000
"""Objects: what workers do makes few cycles, and looking for them takes a tenth of their time."""
_BOOT = "import sys; sys.path[:] = {path!r}; from {module} import boot; boot({descriptor})"


class Workers:
    """A few child processes that each run the same function on messages of their own.

    Messages to and from one worker keep their order. An error raised in a worker is raised here by
    `receive`. The children ignore an interrupt from the terminal, and end when this process does.
    Not for several threads at once.
    """

    def __init__(
        self, serve: Serve, *arguments: Any, count: int, inherit: Sequence[int] = ()
    ) -> None:
        """Start them.

        Args:
            serve: a public function of a module of this package.
            arguments: for `serve`; they are pickled.
            count: how many.
            inherit: file descriptors that keep their numbers in the children.

        Raises:
            Unavailable: the system refuses more processes.
        """
        self._children: list[subprocess.Popen[bytes]] = []
        self._links: list[Connection] = []
        try:
            for _ in range(count):
                self._start(inherit)
            for link in self._links:
                link.send((serve.__module__, serve.__name__, arguments))
        except BaseException:
            self.kill()
            raise

    def _start(self, inherit: Sequence[int]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            link = Connection(ours.detach())
            self._links.append(link)
            code = _BOOT.format(path=sys.path, module=__name__, descriptor=theirs.fileno())
            try:
                child = subprocess.Popen(
                    [sys.executable, "-S", "-c", code],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(), *inherit),
                    process_group=0,
                )
            except OSError as error:
                raise Unavailable(f"no process can be started: {error.strerror}") from error
            self._children.append(child)

    def __len__(self) -> int:
        return len(self._links)

    def send(self, worker: int, message: Any) -> None:
        """Give a worker a message; it may have to wait until the worker reads it.

        Raises:
            Unavailable: the worker has died.
        """
        try:
            self._links[worker].send(message)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise self._death(worker) from error

    def receive(self) -> tuple[int, Any]:
        """Wait for a message of any worker; return the worker and the message.

        Raises:
            Unavailable: a worker has died.
            Exception: what a worker raised.
        """
        link = wait(self._links)[0]
        assert isinstance(link, Connection)
        worker = self._links.index(link)
        try:
            message = link.recv()
        except (EOFError, ConnectionResetError) as error:
            raise self._death(worker) from error
        if isinstance(message, _Raised):
            raise message.error
        return worker, message

    def has_message(self) -> bool:
        """Say whether `receive` would return at once."""
        return bool(wait(self._links, timeout=0))

    def close(self) -> None:
        """Let the workers finish what they do, and wait for them."""
        for link in self._links:
            link.close()
        for child in self._children:
            child.wait()
        self._links, self._children = [], []

    def kill(self) -> None:
        """End the workers at once."""
        for child in self._children:
            child.kill()
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close() if error is None else self.kill()

    def _death(self, worker: int) -> Unavailable:
        status = self._children[worker].wait()
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        return Unavailable(
            f"a worker process ended {how}; maybe memory ran out. Nothing was half-written: try "
            "again"
        )


class _Raised:
    """Carries an error from a worker."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def boot(descriptor: int) -> None:
    """Run one worker, in its own process; called by the line of code that `Workers` starts."""
    gc.set_threshold(_COLLECTED_AFTER, 20, 20)
    link = Connection(descriptor)
    try:
        module, name, arguments = link.recv()
        serve: Serve = getattr(import_module(module), name)
        try:
            serve(link, *arguments)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where it is waited for
            link.send(_Raised(error))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is done, or gone
