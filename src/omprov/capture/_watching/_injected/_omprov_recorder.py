"""Notes which files a Python process opens, from inside it: the least possible per event.

For Python 3.8 and later, with the standard library alone. What is noted, and when it reaches the
disk, is told in docs/design/file-access.md; `_records.py` reads it.
"""

import atexit
import os
import sys
from _thread import allocate_lock
from time import monotonic_ns, time_ns

AT_ONCE = 64
"""How many of the first files that a process reads are on the disk at once."""
TOGETHER = 20_000_000
"""After those, reads wait to be written together: as many as come in so many nanoseconds ..."""
AT_MOST = 512
"""... and no more than these."""
PART = 4 << 20
"""After how many bytes a process begins its next file, so that the last may be taken away."""

_CODING = sys.getfilesystemencoding()
_PYTHON_FILES = (".pyc", ".pyo")
_STARTS_PROGRAMS = {
    "subprocess.Popen": (0, 1, 3),  # where program, arguments and environment are
    "os.posix_spawn": (0, 1, 2),
    "os.exec": (0, 1, 2),
    "os.spawn": (1, 2, 3),
}


class Recorder:
    """The records of this process, and their way to the disk.

    Threads share it: reads are appended to `pending` by whoever opens, and whoever holds the lock
    takes all that waits to the disk. Nobody waits for the lock.
    """

    def __init__(self, folder, home):
        self.folder = os.path.abspath(folder)
        self.home = home  # the folder on PYTHONPATH
        self.pending = []  # paths that were opened for reading
        self.records = []  # text of other records
        self.limit = 0  # how many of them may wait
        self.begin_process()

    def begin_process(self):
        """Begin anew, also in a forked child: what its parent noted is its parent's."""
        del self.pending[:]
        del self.records[:]
        self.lock = allocate_lock()
        self.lost = False
        self.at_once = AT_ONCE
        self.limit = 0
        self.drained = 0  # when all that waited was written
        self.parts = 0
        self.size = 0
        self.file = None  # descriptor, device, inode
        self.stem = "%d-%d" % (os.getpid(), time_ns())

    def begin_child(self):
        """Begin anew in a forked child, which holds a copy of its parent's descriptor."""
        try:
            if self._is_mine():
                os.close(self.file[0])
            self.begin_process()
        except Exception:
            pass

    def opened(self, path, flags):
        """Note a file that is opened: for writing, or now that no more reads may wait."""
        if isinstance(path, int) or (flags & 3 == 0 and _text(path).endswith(_PYTHON_FILES)):
            return
        now = monotonic_ns()
        if flags & 3 == 0:
            if self.at_once:
                self.at_once -= 1
            else:
                self._adapt(now)
        self.put(_kind(path, flags), now, _text(path))

    def _adapt(self, now):
        """Let as many reads wait as came in a short time of late."""
        passed = max(now - self.drained, 1)
        self.limit = min(AT_MOST, (self.limit + 1) * TOGETHER // passed)

    def put(self, kind, now, *fields):
        """Note a thing; it is on the disk when this returns, or when another thread is done."""
        self.records.append(_record(kind, now, fields))
        self.drain()

    def drain(self):
        """Write all that waits to the disk."""
        while (self.records or self.pending) and self.lock.acquire(False):
            try:
                self._write_all()
            finally:
                self.lock.release()

    def finish(self):
        """Write all that waits, and whatever still comes at once."""
        self.at_once = 1 << 62
        self.limit = 0
        self.drain()

    def _write_all(self):
        count, others = len(self.pending), len(self.records)
        self.drained = monotonic_ns()
        text = _reads(self.pending[:count], self.drained) if count else ""
        try:
            self._write(text + "".join(self.records[:others]))
        except OSError:  # no room, no such folder any more: what waited is lost, and that is said
            self.lost = True
            self.limit = AT_MOST  # not again at each file
        del self.pending[:count]
        del self.records[:others]

    def _write(self, text):
        if self.lost:
            text = _record("l", monotonic_ns(), ()) + text
        try:
            data = text.encode(_CODING, "surrogateescape")
        except UnicodeEncodeError:  # no file has such a name
            data = text.encode(_CODING, "backslashreplace")
        if not self._is_mine() or self.size > PART:
            self._next_part()
        self.size += len(data)
        os.write(self.file[0], data)
        self.lost = False

    def _is_mine(self):
        """Say whether the descriptor is still ours: a script may close what it did not open."""
        if self.file is None:
            return False
        try:
            found = os.fstat(self.file[0])
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self.file[1:]

    def _next_part(self):
        if self._is_mine():
            os.close(self.file[0])
        self.file = None
        self.parts += 1
        name = "%s.%d" % (self.stem, self.parts)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(os.path.join(self.folder, name), flags, 0o600)
        found = os.fstat(descriptor)
        self.file = (descriptor, found.st_dev, found.st_ino)
        self.size = 0
        start = _record("s", monotonic_ns(), (sys.prefix, sys.base_prefix, sys.exec_prefix))
        os.write(descriptor, start.encode(_CODING, "surrogateescape"))


def begin(folder, home):
    """Begin to note what this process opens; return the recorder, once in a process."""
    if getattr(sys, "_omprov_watched", False):
        return None
    sys._omprov_watched = True
    recorder = Recorder(folder, home)
    recorder.put("p", monotonic_ns(), sys.executable or "")
    sys.addaudithook(_hook(recorder))
    atexit.register(recorder.finish)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_quietly(recorder.drain), after_in_child=recorder.begin_child)
    _write_before_exit(recorder)
    return recorder


def _hook(recorder):
    pending = recorder.pending
    wait = pending.append

    def hook(event, args):
        try:
            if event == "open":
                path, _, flags = args
                if flags & 3 or len(pending) >= recorder.limit:
                    recorder.opened(path, flags)
                else:
                    wait(path)
            elif event in _OTHERS:
                _OTHERS[event](recorder, event, args)
        except Exception as error:
            pass_over(error)

    return hook


def pass_over(error):
    """Pass over an error of ours; raise again one that a signal's handler raised meanwhile."""
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    if os.path.dirname(trace.tb_frame.f_code.co_filename) != os.path.dirname(__file__):
        raise error


def _quietly(function):
    def call():
        try:
            function()
        except Exception:
            pass

    return call


def _write_before_exit(recorder):
    leave, drain = os._exit, _quietly(recorder.drain)

    def _exit(status):
        drain()
        leave(status)

    _exit.__doc__ = leave.__doc__
    os._exit = _exit


def _kind(path, flags):
    """Say how a file is opened: r(ead), w(ritten), or b(oth, perhaps)."""
    if flags & 3 == 0:
        return "r"
    if flags & 3 == 1 or flags & (os.O_TRUNC | os.O_EXCL):
        return "w"
    return "b" if os.path.exists(path) else "w"


def _record(kind, now, fields):
    try:
        folder = os.getcwd()
    except OSError:  # it was deleted
        folder = ""
    text = "\0".join(fields)
    if "\0\n" in text or text[:1] == "\n":  # would look like the end of a record
        text = "\0".join(["./" + one if one[:1] == "\n" else one for one in fields])
    return "%s\0%d\0%s\0%s\0\n" % (kind, now, folder, text)


def _reads(paths, when):
    try:
        return _record("r", when, paths)
    except TypeError:  # some are bytes, or descriptors
        paths = [_text(path) for path in paths if not isinstance(path, int)]
        return _record("r", when, paths) if paths else ""


def _text(path):
    path = os.fspath(path)
    return os.fsdecode(path) if isinstance(path, bytes) else path


def _moved(recorder, event, args):
    source, target = (_at(path, folder) for path, folder in zip(args[:2], args[2:4]))
    recorder.put(
        "m" if event == "os.rename" else "w",
        monotonic_ns(),
        *((source, target) if event == "os.rename" else (target,)),
    )


def _at(path, folder):
    """Return a path that may be relative to an open folder."""
    path = _text(path)
    if isinstance(folder, int) and folder >= 0 and not os.path.isabs(path):
        return os.path.join(os.readlink("/proc/self/fd/%d" % folder), path)
    return path


def _truncated(recorder, event, args):
    if not isinstance(args[0], int):
        recorder.put("w", monotonic_ns(), _text(args[0]))


def _leaves_folder(recorder, event, args):
    recorder.drain()  # what waits is relative to where we are


def _connected(recorder, event, args):
    path = _text(args[0])
    if path and path != ":memory:" and ":memory:" not in path.partition("?")[0]:
        is_read = path.startswith("file:") and ("mode=ro" in path or "immutable=1" in path)
        if path.startswith("file:"):
            path = _of_uri(path)
        exists = os.path.exists(path)
        recorder.put("r" if is_read else "b" if exists else "w", monotonic_ns(), path)


def _of_uri(uri):
    from urllib.parse import unquote

    path = uri[5:].partition("?")[0].partition("#")[0]
    if path.startswith("//"):
        path = "/" + path[2:].partition("/")[2]
    return unquote(path, errors="surrogateescape")


def _started(recorder, event, args):
    where = _STARTS_PROGRAMS[event]
    program, words, environment = (args[index] for index in where)
    if isinstance(words, (str, bytes)) or not hasattr(words, "__iter__"):
        words = [words]
    texts = [_text(word)[:4096].replace("\0", "") for word in list(words)[:16]]
    recorder.put(
        "x",
        monotonic_ns(),
        "1" if _is_watched(recorder, environment) else "0",
        _text(program if program is not None else texts[0]),
        *["=" + text for text in texts],
    )


def _is_watched(recorder, environment):
    """Say whether a program with these variables would note its files, if it is Python."""
    if environment is None:
        environment = os.environ
    named = {
        _text(name): _text(value)
        for name, value in dict(environment).items()
        if _text(name) in ("PYTHONPATH", "OMPROV_WATCH")
    }
    return recorder.home in named.get("PYTHONPATH", "").split(os.pathsep) and bool(
        named.get("OMPROV_WATCH")
    )


def _shell(recorder, event, args):
    recorder.put("x", monotonic_ns(), "1", "/bin/sh", "=sh", "=-c", "=" + _text(args[0])[:4096])


_OTHERS = {
    "os.rename": _moved,
    "os.link": _moved,
    "os.truncate": _truncated,
    "os.chdir": _leaves_folder,
    "sqlite3.connect": _connected,
    "os.system": _shell,
    "subprocess.Popen": _started,
    "os.posix_spawn": _started,
    "os.exec": _started,
    "os.spawn": _started,
}
