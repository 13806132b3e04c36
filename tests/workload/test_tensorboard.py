"""Metrics from TensorBoard event files, written by PyTorch's own writer."""

import struct
import sys

import pytest

from homeostat.errors import MissingExtraError
from homeostat.workload.metrics import TensorBoard

pytest.importorskip("tensorboard")
writers = pytest.importorskip("torch.utils.tensorboard")


def test_scalars_are_read_by_tag_and_step_as_they_are_written(tmp_path):
    reader = TensorBoard(tmp_path)
    assert list(reader.read(False)) == []
    with writers.SummaryWriter(tmp_path / "version_0") as writer:
        writer.add_scalar("val/loss", 0.5, 1)
        writer.add_scalar("train/loss", 0.25, 1)
        writer.add_text("note", "not a number", 1)
        writer.flush()
        assert list(reader.read(False)) == [(1, {"val/loss": 0.5, "train/loss": 0.25})]
        writer.add_scalar("val/loss", 0.125, 2, new_style=True)
        writer.flush()
        assert list(reader.read(False)) == [(2, {"val/loss": 0.125})]
    assert list(reader.read(True)) == []


def test_a_torn_event_waits_and_a_broken_file_does_no_harm(tmp_path):
    with writers.SummaryWriter(tmp_path) as writer:
        writer.add_scalar("loss", 1.0, 0)
        writer.add_scalar("loss", 2.0, 1)
    (path,) = tmp_path.glob("*tfevents*")
    content = path.read_bytes()
    path.write_bytes(content[:-5])
    reader = TensorBoard(tmp_path)
    assert list(reader.read(False)) == [(0, {"loss": 1.0})]
    path.write_bytes(content)
    assert list(reader.read(True)) == [(1, {"loss": 2.0})]
    (tmp_path / "a.tfevents.1").write_bytes(struct.pack("<Q", 5) + b"garbage")
    assert list(reader.read(True)) == []


def test_without_tensorboard_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for name in list(sys.modules):
        if name.startswith("tensorboard."):
            monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtraError) as error:
        TensorBoard(tmp_path)
    assert str(error.value) == (
        "Reading event files needs the package 'tensorboard', which is not installed.  "
        "Add it:  pip install 'homeostat[export]'"
    )
