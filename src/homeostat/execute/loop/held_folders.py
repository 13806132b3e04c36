"""The folders of the attempts that a process makes, each held until its attempt ends."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from homeostat.execute.loop.recorder import clear
from homeostat.record.files import make_folder
from homeostat.record.hold import Hold


class HeldFolders:
    """Holds some attempts' folders, and clears those of attempts that begin.

    Args:
        attempts: Folder, and whether what is in it is gone on with.

    Raises:
        RecordError: If another process is writing one of them.
    """

    def __init__(self, attempts: Iterable[tuple[Path, bool]]) -> None:
        self._holds: dict[Path, Hold] = {}
        try:
            for folder, resume in attempts:
                make_folder(folder)
                self._holds[folder] = Hold(folder)
                if not resume:
                    clear(folder)
        except BaseException:
            self.close()
            raise

    def release(self, folder: Path) -> None:
        """The attempt there has ended."""
        hold = self._holds.pop(folder, None)
        if hold is not None:
            hold.release()

    def close(self) -> None:
        """Release what is left."""
        for folder in list(self._holds):
            self.release(folder)
