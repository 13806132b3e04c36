"""Attempts side by side cannot overwrite each other's files, or the user's."""

import pytest

from homeostat.script.folder import PassingFolder, WorkFolder


@pytest.fixture
def home(tmp_path, monkeypatch):
    origin = tmp_path / "project"
    (origin / "data" / "deep").mkdir(parents=True)
    (origin / "data" / "deep" / "train.csv").write_text("a")
    (origin / "best.pt").write_bytes(b"mine")
    (origin / "log.txt").write_text("mine\n")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "words.txt").write_text("w")
    return origin


def opened(home, **more):
    folder = WorkFolder(home, home / "results" / "run" / "work", **more)
    folder.open()
    return folder


def test_reading_works_and_what_was_not_touched_is_not_kept(home):
    folder = opened(home)
    assert (folder.path / "data" / "deep" / "train.csv").read_text() == "a"
    assert (folder.path / "best.pt").read_bytes() == b"mine"
    assert not (folder.path / "results").exists()
    folder.close()
    assert folder.written == []
    assert list(folder.path.rglob("*")) == []


@pytest.mark.parametrize("mode", ["w", "a", "r+"])
def test_an_existing_file_that_is_written_to_is_the_attempts_own(home, mode):
    folder = opened(home)
    with (folder.path / "log.txt").open(mode) as file:
        file.write("theirs")
    folder.close()
    assert (home / "log.txt").read_text() == "mine\n"
    assert folder.written == ["log.txt"]
    assert "theirs" in (folder.path / "log.txt").read_text()


def test_a_library_that_writes_below_python_meets_a_copy(home):
    import torch

    folder = opened(home)
    torch.save({"w": torch.zeros(3)}, folder.path / "best.pt")
    folder.close()
    assert (home / "best.pt").read_bytes() == b"mine"
    assert folder.written == ["best.pt"]


def test_a_new_file_in_a_folder_of_the_users_stays_here(home):
    folder = opened(home)
    (folder.path / "data" / "deep" / "cache.bin").write_text("c")
    (folder.path / "data" / "deep" / "train.csv").unlink()
    folder.close()
    assert sorted(p.name for p in (home / "data" / "deep").iterdir()) == ["train.csv"]
    assert folder.written == ["data/deep/cache.bin"]


def test_a_folder_too_large_to_mirror_is_opened_up_when_it_is_written_to(home, monkeypatch):
    monkeypatch.setattr("homeostat.script.folder.MOST_ENTRIES", 3)
    folder = opened(home)
    assert (folder.path / "data").is_symlink()
    (folder.path / "data" / "deep" / "train.csv").open("a").close()
    (folder.path / "data" / "new.txt").write_text("n")
    folder.close()
    assert not (home / "data" / "new.txt").exists()
    assert (home / "data" / "deep" / "train.csv").read_text() == "a"


def test_a_path_upwards_leads_where_it_leads_from_the_users_folder(home):
    folder = opened(home, levels=1)
    assert (folder.path / ".." / "shared" / "words.txt").read_text() == "w"
    folder.close()


def test_an_absolute_path_into_the_users_folder_is_told(home):
    folder = opened(home)
    (home / "log.txt").write_text("over")
    folder.close()
    assert folder.outside == [str(home / "log.txt")]


def test_the_results_of_earlier_runs_are_no_part_of_a_working_folder(home):
    """They grow with every attempt, and the folder of each would hold those of all before."""
    (home / "results" / "studies" / "train" / "trial_0000").mkdir(parents=True)
    folder = WorkFolder(home, home.parent / "elsewhere" / "work")
    folder.open()
    assert (folder.path / "results").is_symlink()


@pytest.fixture
def passing(home, tmp_path):
    folder = PassingFolder(home, tmp_path / "passing" / "work")
    folder.open()
    return folder


def pictured(place):
    return {
        str(p.relative_to(place)): "folder" if p.is_dir() and not p.is_symlink() else p.read_bytes()
        for p in place.rglob("*")
    }


def test_a_folder_that_is_used_again_has_nothing_of_the_run_before(home, passing):
    before = pictured(passing.path)
    (passing.path / "log.txt").write_text("theirs")
    (passing.path / "best.pt").write_bytes(b"theirs")
    (passing.path / "new" / "deep").mkdir(parents=True)
    (passing.path / "new" / "deep" / "x.txt").write_text("x")
    (passing.path / "data" / "deep" / "train.csv").unlink()
    (passing.path / "data" / "cache").write_text("c")
    passing.close()
    passing.open()
    assert pictured(passing.path) == before
    assert (home / "log.txt").read_text() == "mine\n"


def test_a_folder_that_is_used_again_has_what_the_user_put_beside(home, passing):
    passing.close()
    (home / "data" / "more.csv").write_text("m")
    passing.open()
    assert (passing.path / "data" / "more.csv").read_text() == "m"
    passing.close()


def test_a_folder_that_is_used_again_is_not_made_again(home, passing, monkeypatch):
    passing.close()
    monkeypatch.setattr("homeostat.script.folder.os.symlink", None)
    passing.open()
    passing.close()
