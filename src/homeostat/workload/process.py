"""Process: a command with all its descendants, started and ended as one group.

What left the group (a daemon, `setsid`) is found by a variable of its environment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from homeostat.errors import WorkloadError

MARK = "HOMEOSTAT_COMMAND"
"""An environment variable that a command's descendants inherit, by which they are found."""

# Waits until the pipe on its input closes, which happens when its parent ends, even by kill -9,
# and then ends the group, and what left it: nothing a command started outlives the trial.
_WATCHDOG = """
import os, signal, sys
group, mark = int(sys.argv[1]), sys.argv[2].encode()
sys.stdin.read()
try:
    os.killpg(group, signal.SIGKILL)
except OSError:
    pass
for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
    try:
        with open(f"/proc/{int(name)}/environ", "rb") as file:
            if mark in file.read().split(b"\\0"):
                os.kill(int(name), signal.SIGKILL)
    except (OSError, ValueError):
        pass
"""


class ProcessGroup:
    """A running command.

    It has a group of its own, so that what it starts can be ended with it; its output goes to a
    file, and it reads nothing.

    Raises:
        WorkloadError: If there is no such program, or it cannot be run.
    """

    def __init__(
        self, command: Sequence[str], *, folder: Path, env: Mapping[str, str], output: Path
    ) -> None:
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._mark = uuid.uuid4().hex
        with output.open("wb") as file:
            try:
                self._process = subprocess.Popen(  # noqa: S603  # no shell; the user's own command
                    command,
                    cwd=folder,
                    env={**os.environ, **env, MARK: self._mark},
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise _cannot_start(command[0], folder, error) from None
        try:
            self._watchdog = subprocess.Popen(  # noqa: S603  # our own few lines
                [
                    *(sys.executable, "-I", "-S", "-c", _WATCHDOG),
                    *(str(self._process.pid), f"{MARK}={self._mark}"),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except BaseException:
            self.end()
            raise

    @property
    def pid(self) -> int:
        """The command's process, whose number is the group's as well."""
        return self._process.pid

    def wait(self, seconds: float) -> int | None:
        """The exit code as soon as there is one, or None after so many seconds."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self, grace_s: float = 1.0) -> None:
        """End whatever is left of it: ask the group first, and kill after `grace_s` seconds."""
        try:
            if self._process.poll() is None:
                self._signal(signal.SIGTERM)
                deadline = time.monotonic() + grace_s
                while self._process.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.01)
        finally:
            self._signal(signal.SIGKILL)
            self._process.wait()
            kill_marked(MARK, self._mark)
            self._dismiss_watchdog()

    def _signal(self, number: signal.Signals) -> None:
        # No process is left, or (on macOS) only ended ones that nobody has waited for yet.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _dismiss_watchdog(self) -> None:
        if self._watchdog is not None:
            self._watchdog.kill()
            self._watchdog.wait()
            assert self._watchdog.stdin is not None
            self._watchdog.stdin.close()


def kill_marked(variable: str, mark: str) -> None:
    """Kill every other process whose environment has this value, whoever its parent is by now."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(variable) == mark:
                process.kill()


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _cannot_start(program: str, folder: Path, error: OSError) -> WorkloadError:
    if isinstance(error, FileNotFoundError):
        return WorkloadError(
            f"There is no program {program!r}.", hint=f"The command runs in {folder}."
        )
    if isinstance(error, PermissionError):
        return WorkloadError(f"{program} may not be run.", hint=f"Try:  chmod +x {program}")
    return WorkloadError(
        f"{program} cannot be run: {error.strerror}.",
        hint="A script's first line says what runs it, such as #!/bin/sh",
    )
