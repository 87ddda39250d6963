"""A PostgreSQL server of the tests' own, with its files in a temporary folder.

A pytest plugin: tests ask for the fixture `postgresql`. Where PostgreSQL is not installed they are
skipped, and say so; `make test` installs it on Debian as root.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "p4ss/w@rd"
_PORT = 5432  # of the socket's name alone: the server listens to no network
_SECONDS_UNTIL_STUCK = 600


@dataclass(frozen=True)
class Server:
    """A running server."""

    folder: Path

    def url(self, password: str = PASSWORD) -> str:
        """Of its database, as SQLAlchemy takes it."""
        quoted = password.replace("/", "%2F").replace("@", "%40")
        return f"postgresql+psycopg://tuner:{quoted}@/postgres?host={self.folder}&port={_PORT}"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed; on Debian: sudo apt-get install postgresql")
    # Short, as names of sockets must be, and where the server's own user may go.
    folder = Path(tempfile.mkdtemp(prefix="multilayer-pg-", dir="/tmp"))
    user = _user()
    try:
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if user is not None:
            for path in (folder, secret):
                shutil.chown(path, user)
        options = {"user": user, "group": user, "extra_groups": []} if user is not None else {}
        subprocess.run(
            [
                programs / "initdb", "-D", folder / "data", "-U", "tuner", "--pwfile", secret,
                "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C",
            ],
            check=True, capture_output=True, cwd=folder, **options,
        )  # fmt: skip
        process = subprocess.Popen(
            [
                programs / "postgres", "-D", folder / "data", "-k", folder, "-p", str(_PORT),
                "-c", "listen_addresses=", "-c", "fsync=off",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **options,
        )  # fmt: skip
        try:
            _wait_for(folder / f".s.PGSQL.{_PORT}", process)
            yield Server(folder)
        finally:
            process.send_signal(signal.SIGINT)  # does not wait for those that are connected
            process.wait(_SECONDS_UNTIL_STUCK)
    finally:
        shutil.rmtree(folder)


def _programs() -> Path | None:
    """Where the newest installed server is; Debian keeps it off the path."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4])
    )
    on_path = shutil.which("initdb")
    if not found and on_path is not None:
        found = [Path(on_path).resolve()]
    return found[-1].parent if found else None


def _user() -> str | None:
    """Who runs it: it refuses to be run by root."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _wait_for(socket: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _SECONDS_UNTIL_STUCK
    while not socket.exists():
        assert process.poll() is None, "the server ended before it began"
        assert time.monotonic() < until, "the server does not begin"
        time.sleep(0.05)
