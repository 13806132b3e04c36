"""Large models are looked at without a copy: exact about whether they moved, close about norms."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.inspect.tracer import sampling
from homeostat.inspect.tracer.sampling import LARGE, norm, remember, sample

MEMORY = """
import resource, sys
import torch
import homeostat as hs

@hs.workload(
    space=hs.Space(lr=hs.Float(1e-4, 1e-2, log=True)), metric="loss", goal="minimize", budget=4
)
def large(config, trial):
    width, depth = (5000, 4) if sys.argv[2] == "wide" else (1000, 100)
    layers = [torch.nn.Linear(width, width) for _ in range(depth)]
    for layer in layers:  # so that signals keep their size
        layer.weight.data.mul_(0.1).add_(torch.eye(width))
    model = torch.nn.Sequential(*layers)
    optimizer = torch.optim.SGD(model.parameters(), config.lr)
    trial.watch(model, optimizer)
    x = torch.randn(4, width)
    for step in trial.steps():
        loss = (model(x) - x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield hs.Report(step, loss=loss)

torch.set_num_threads(1)
if sys.argv[1] == "probe":
    result = hs.probe(large, seconds=40)
    assert not [c for c in result.faults if c.name in ("coverage", "movement")]
else:
    from homeostat.execute.loop.drive import Ending, pull
    from homeostat.workload.trial import Trial
    trial = Trial(large.space.resolve({}), seed=1, budget=4)
    list(pull(large, trial, observers=[], ending=Ending()))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@given(st.integers(0, LARGE + 50_000), st.sampled_from([torch.float32, torch.bfloat16]))
@settings(deadline=None, max_examples=20)
def test_one_changed_number_anywhere_in_a_large_tensor_is_seen(place, dtype):
    tensor = torch.ones(LARGE + 50_001, dtype=dtype)
    before = remember(tensor)
    assert before.same_as(tensor)
    tensor[place] = 1.5
    assert not before.same_as(tensor)
    assert before.values.numel() < 2 * sampling.SAMPLE


def test_two_numbers_that_change_places_are_seen():
    tensor = torch.arange(LARGE + 1001, dtype=torch.float32)
    before = remember(tensor)
    tensor[[3, 5]] = tensor[[5, 3]]
    assert not before.same_as(tensor)


@given(st.integers(1, 3 * LARGE))
@settings(deadline=None, max_examples=10)
def test_the_norm_of_a_large_tensor_is_that_of_all_of_it(numbers):
    tensor = torch.full((numbers,), 2.0)
    assert norm(tensor) == pytest.approx(2.0 * numbers**0.5, rel=1e-6)
    assert sample(tensor).numel() <= max(LARGE, 2 * sampling.SAMPLE)


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["wide", "deep"])
def test_a_model_of_a_hundred_million_parameters_is_probed_without_doubling_its_memory(
    tmp_path, shape
):
    (tmp_path / "large.py").write_text(MEMORY)
    peaks = {}
    for what in ("train", "probe"):
        done = subprocess.run(
            [sys.executable, "large.py", what, shape], cwd=tmp_path, capture_output=True, text=True,
            timeout=1200, check=True,
        )  # fmt: skip
        peaks[what] = int(done.stdout.split()[-1])
    # 100 million parameters are 400 MB: less than one copy of them comes on top.
    assert peaks["probe"] < peaks["train"] + 350, peaks
