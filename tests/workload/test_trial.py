"""Trial: streams, steps, and what may be watched and kept."""

import gc

import numpy as np
import pytest

import homeostat as hs
from homeostat.errors import WorkloadError


def test_a_stream_is_the_same_object_and_depends_on_use_and_seed_alone():
    a, b = hs.Trial({}, seed=1), hs.Trial({}, seed=1)
    assert a.rng("x") is a.rng("x")
    b.rng("other").random(5)
    assert a.rng("x").random() == b.rng("x").random()
    assert a.rng("y").random() != hs.Trial({}, seed=2).rng("y").random()


def test_torch_streams_are_the_same_and_leave_the_global_one_alone():
    torch = pytest.importorskip("torch")
    before = torch.get_rng_state()
    draws = [torch.rand(3, generator=hs.Trial({}, seed=1).torch_rng("x")) for _ in range(2)]
    assert torch.equal(*draws)
    other = torch.rand(3, generator=hs.Trial({}, seed=1).torch_rng("y"))
    assert not torch.equal(draws[0], other)
    assert torch.equal(before, torch.get_rng_state())


def test_steps_are_counted_and_come_once():
    trial = hs.Trial({}, budget=3)
    between = []
    trial.between_steps.append(between.append)
    assert list(trial.steps()) == [0, 1, 2]
    assert between == [1, 2, 3]
    with pytest.raises(WorkloadError, match="used twice"):
        list(trial.steps())


def test_watched_things_are_told_apart_by_what_they_can_do():
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    average = torch.optim.swa_utils.AveragedModel(model)
    trial = hs.Trial({})
    trial.watch(model, optimizer, None, train=[1], validation=[2], ema=average)
    trial.watch(model)
    assert trial.modules == {"0_Linear": model, "ema": average}
    assert trial.optimizers == {"1_SGD": optimizer}
    assert (trial.train_data, trial.validation_data) == ([1], [2])
    with pytest.raises(WorkloadError, match="named 'ema' already"):
        trial.watch(ema=torch.nn.Linear(1, 1))


def test_dicts_lists_and_arrays_are_filled_in_place():
    first = hs.Trial({}, budget=2)
    first.keep("dict", {"a": 1})
    first.keep("list", [1, 2])
    first.keep("array", np.arange(3.0))
    second = hs.Trial({}, budget=2)
    things = {"b": 2}, [0], np.zeros(3)
    for name, thing in zip(("dict", "list", "array"), things, strict=True):
        second.keep(name, thing)
    second.resume_from(first.state(1))
    assert list(second.steps()) == [1]
    assert things[:2] == ({"a": 1}, [1, 2])
    assert things[2].tolist() == [0.0, 1.0, 2.0]


def test_what_cannot_be_kept_is_refused():
    trial = hs.Trial({})
    with pytest.raises(WorkloadError, match="a int cannot be kept"):
        trial.keep("count", 3)
    trial.keep("x", [1])
    with pytest.raises(WorkloadError, match="named 'x' already"):
        trial.keep("x", [1])


def test_a_trial_by_itself_has_a_temporary_folder():
    trial = hs.Trial({})
    folder = trial.artifacts
    assert folder.is_dir()
    del trial
    gc.collect()
    assert not folder.exists()


def test_what_a_killed_attempt_left_half_written_among_its_artifacts_is_removed(tmp_path):
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    (artifacts / "winners.npz.3843.tmp").write_text("half")
    (artifacts / "winners.npz").write_text("whole")
    trial = hs.Trial({}, folder=tmp_path)
    assert [path.name for path in trial.artifacts.iterdir()] == ["winners.npz"]
