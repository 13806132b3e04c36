"""Scripts to look at, and a cache of what was seen of them that is this test run's own."""

import shutil
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture(scope="session")
def looked_at(tmp_path_factory):
    """The cache: a script is surveyed once in a run of the tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(looked_at, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(looked_at))


@pytest.fixture(scope="session")
def desk(tmp_path_factory):
    """A folder with every script in it, always the same, so that what was seen of one is kept."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(SCRIPTS, folder, dirs_exist_ok=True)
    return folder


@pytest.fixture
def at_desk(desk, monkeypatch):
    monkeypatch.chdir(desk)
    return desk


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Writes a script into an empty folder, which is then the working folder."""
    monkeypatch.chdir(tmp_path)

    def write(text, name="train.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write
