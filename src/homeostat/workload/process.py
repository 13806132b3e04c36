"""Process: a command with all its descendants, started and ended as one group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from homeostat.errors import WorkloadError

# Waits until the pipe on its input closes, which happens when its parent ends, even by kill -9,
# and then ends the group: nothing a command started outlives the trial.
_WATCHDOG = """
import os, signal, sys
sys.stdin.read()
try:
    os.killpg(int(sys.argv[1]), signal.SIGKILL)
except OSError:
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
        with output.open("wb") as file:
            try:
                self._process = subprocess.Popen(  # noqa: S603  # no shell; the user's own command
                    command,
                    cwd=folder,
                    env={**os.environ, **env},
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise _cannot_start(command[0], folder, error) from None
        try:
            self._watchdog = subprocess.Popen(  # noqa: S603  # our own few lines
                [sys.executable, "-I", "-S", "-c", _WATCHDOG, str(self._process.pid)],
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
        """End whatever is left of the group: ask first, and kill after `grace_s` seconds."""
        try:
            if self._process.poll() is None:
                self._signal(signal.SIGTERM)
                deadline = time.monotonic() + grace_s
                while self._process.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.01)
        finally:
            self._signal(signal.SIGKILL)
            self._process.wait()
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
