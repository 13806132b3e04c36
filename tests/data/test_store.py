"""Data sets arrive whole and checked, or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os

import pytest

from homeostat import data
from homeostat.data import store
from homeostat.errors import DataError, UnknownNameError

WORDS = b"to be or not to be"


@pytest.fixture
def small_set(monkeypatch, tmp_path):
    """A data set of two small files, in a catalogue and a folder of its own."""
    monkeypatch.setenv(data.FOLDER_VARIABLE, str(tmp_path))
    files = tuple(
        data.RemoteFile(
            f"words/{i}.txt",
            f"https://example.org/{i}.txt",
            hashlib.sha256(WORDS).hexdigest(),
            len(WORDS),
        )
        for i in range(2)
    )
    small = data.DataSet("words", "words", "nowhere", "none", files)
    monkeypatch.setitem(data.CATALOG, "words", small)
    return tmp_path


def everything_under(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_download_lands_under_its_own_name_and_is_found_again(small_set):
    assert not data.have("words")
    path = data.get("words", read=lambda _: WORDS)
    assert path == small_set / "words" == data.locate("words")
    assert everything_under(small_set) == ["0.txt", "1.txt"]
    assert data.have("words")


def test_only_what_is_missing_or_damaged_is_downloaded_again(small_set):
    data.get("words", read=lambda _: WORDS)
    (small_set / "words/1.txt").write_bytes(b"to be or")
    asked = []
    data.get("words", read=lambda file: asked.append(file.path) or WORDS)
    assert asked == ["words/1.txt"]
    assert (small_set / "words/1.txt").read_bytes() == WORDS


@pytest.mark.parametrize("content", [b"", WORDS[:-1], WORDS + b"!"])
def test_a_wrong_or_partial_download_leaves_nothing_behind(small_set, content):
    with pytest.raises(DataError, match="not the expected file"):
        data.get("words", read=lambda _: content)
    assert everything_under(small_set) == []


def test_an_interrupted_write_leaves_nothing_behind(small_set, monkeypatch):
    def stop(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(store.Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        data.get("words", read=lambda _: WORDS)
    assert everything_under(small_set) == []


def test_a_missing_data_set_says_what_to_type(small_set):
    with pytest.raises(DataError, match="homeostat data get words"):
        data.locate("words")


def test_a_damaged_file_is_refused(small_set):
    data.get("words", read=lambda _: WORDS)
    (small_set / "words/0.txt").write_bytes(b"to be")
    with pytest.raises(DataError, match="not the expected file"):
        data.locate("words")


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(UnknownNameError, match="papalexi"):
        data.get("papalexy")


@pytest.mark.parametrize("failure", [TimeoutError("timed out"), ConnectionResetError("reset")])
def test_being_offline_is_one_line_that_names_the_way_out(small_set, monkeypatch, failure):
    def no_network(*args, **kwargs):
        raise failure

    monkeypatch.setattr(http.client.HTTPSConnection, "connect", no_network)
    with pytest.raises(DataError, match=r"Could not download https.*by hand") as caught:
        data.get("words")
    assert "\n" not in str(caught.value)
    assert everything_under(small_set) == []


def test_plain_http_is_refused_also_after_a_redirect(small_set):
    plain = data.RemoteFile("a", "http://example.org/a", "0" * 64, 1)
    with pytest.raises(DataError, match="https only"):
        store._download(plain)
    with pytest.raises(OSError, match="not https"):
        store._HttpsOnly().redirect_request(None, None, 302, "", {}, "http://example.org/a")


def test_every_address_in_the_catalogue_is_https_and_names_a_commit():
    for data_set in data.CATALOG.values():
        for file in data_set.files:
            assert file.url.startswith("https://raw.githubusercontent.com/")
            commit = file.url.split("/")[5]
            assert len(commit) == 40
            int(commit, 16)
            assert len(file.sha256) == 64


def test_the_folder_is_the_override_else_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv(data.FOLDER_VARIABLE, str(tmp_path))
    assert data.folder() == tmp_path
    monkeypatch.delenv(data.FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert data.folder() == tmp_path / "cache" / "homeostat"


@pytest.mark.parametrize("name", ["papalexi", "tinyshakespeare", "half_cheetah"])
def test_the_real_files_match_the_catalogue(name):
    if not data.have(name) and os.environ.get("CI") != "true":
        pytest.skip(f"{name} is not in {data.folder()}; see: homeostat data get {name}")
    assert data.locate(name).exists()
    on_disk = sum((data.folder() / file.path).stat().st_size for file in data.find(name).files)
    assert on_disk == data.find(name).num_bytes
