"""TensorBoard folders: two writers are two series or two runs, and nothing is merged by tag."""

import pytest

from homeostat.errors import DataError
from homeostat.logs import read_log
from homeostat.workload.metrics import TensorBoard

pytest.importorskip("tensorboard")
writers = pytest.importorskip("torch.utils.tensorboard")


def write(folder, tag, values):
    with writers.SummaryWriter(folder) as writer:
        for step, value in enumerate(values):
            writer.add_scalar(tag, value, step)


def test_add_scalars_are_two_series(tmp_path):
    with writers.SummaryWriter(tmp_path) as writer:
        for step in range(2):
            writer.add_scalars("net/loss", {"train": 1.0 + step, "val": 5.0 + step}, step)
    log = read_log(tmp_path)
    assert log.rows == {
        0: {"net/loss/train": 1.0, "net/loss/val": 5.0},
        1: {"net/loss/train": 2.0, "net/loss/val": 6.0},
    }
    rows = dict(TensorBoard(tmp_path).read(True))
    assert rows == log.rows


def test_a_writer_each_for_training_and_validation_are_two_series(tmp_path):
    write(tmp_path / "train", "epoch_loss", [2.0, 1.0])
    write(tmp_path / "validation", "epoch_loss", [3.0, 4.0])
    assert read_log(tmp_path).rows == {
        0: {"train/epoch_loss": 2.0, "validation/epoch_loss": 3.0},
        1: {"train/epoch_loss": 1.0, "validation/epoch_loss": 4.0},
    }


def test_folders_of_other_names_are_runs_of_their_own(tmp_path):
    write(tmp_path / "first", "loss", [2.0, 1.0])
    write(tmp_path / "second", "loss", [4.0, 3.0])
    assert [(run.name, dict(run.rows)) for run in read_log(tmp_path).runs] == [
        ("first", {0: {"loss": 2.0}, 1: {"loss": 1.0}}),
        ("second", {0: {"loss": 4.0}, 1: {"loss": 3.0}}),
    ]
    # To a command they are of one run, and the second writer's values have its folder's name.
    assert dict(TensorBoard(tmp_path).read(True)) == {
        0: {"loss": 2.0, "second/loss": 4.0},
        1: {"loss": 1.0, "second/loss": 3.0},
    }


def test_one_file_is_read_alone(tmp_path):
    write(tmp_path, "loss", [2.0])
    (first,) = tmp_path.iterdir()
    write(tmp_path, "loss", [7.0])
    assert read_log(first).rows == {0: {"loss": 2.0}}


def test_a_file_that_is_no_event_file_is_refused(tmp_path):
    path = tmp_path / "x.tfevents.1"
    path.write_bytes(b"rubbish")
    with pytest.raises(DataError, match="No metrics"):
        read_log(path)
    with pytest.raises(DataError, match="No metrics"):
        read_log(tmp_path / "absent.tfevents.1")
