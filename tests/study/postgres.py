"""A real PostgreSQL server of the tests' own, in a temporary folder, on a free port."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest


def binaries() -> Path:
    """Where initdb and postgres are; skips the test where there are none, but never in CI."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if all((place / name).exists() for name in ("initdb", "postgres", "pg_isready")):
            return place
    if os.environ.get("CI") == "true":
        pytest.fail("PostgreSQL is not installed: apt-get install postgresql")
    pytest.skip("PostgreSQL is not installed")


class Server:
    """Started, stopped and started again, with the same data."""

    def __init__(self) -> None:
        self._bin = binaries()
        self.folder = Path(tempfile.mkdtemp(prefix="homeostat-postgres-"))
        # It refuses to run as root.
        self._user = None
        if os.geteuid() == 0:
            names = {entry.pw_name for entry in pwd.getpwall()}
            self._user = "postgres" if "postgres" in names else "nobody"
            shutil.chown(self.folder, self._user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"postgresql://homeostat@127.0.0.1:{self.port}/postgres"
        self._run("initdb", "-D", self.folder / "data", "-U", "homeostat", "-A", "trust",
                  "--no-sync", "--no-locale", "-E", "UTF8")  # fmt: skip
        self._process: subprocess.Popen | None = None
        self.start()

    def _run(self, name: str, *arguments: object) -> None:
        command = [str(self._bin / name), *map(str, arguments)]
        done = subprocess.run(
            command, user=self._user, cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        command = [self._bin / "postgres", "-D", self.folder / "data", "-h", "127.0.0.1",
                   "-p", str(self.port), "-k", self.folder, "-c", "fsync=off"]  # fmt: skip
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                command, user=self._user, cwd=self.folder, stdout=log, stderr=log
            )
        ready = [self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        until = time.monotonic() + 20
        while subprocess.run(ready, check=False).returncode != 0:
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.05)

    def stop(self, *, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends every connection and stops; SIGQUIT is as good as a crash."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(timeout=20)

    def remove(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop(how=signal.SIGQUIT)
        shutil.rmtree(self.folder)
