"""Same seed, same curves, bitwise: inline, in workers, one or two at a time, stopped or not."""

from pathlib import Path

import numpy as np
import pytest

from homeostat.execute import run
from homeostat.workload import load

LOOPS = Path(__file__).parent / "loops.py"


def curves_of(record):
    return {a.seed: (a.folder / "curves.csv").read_bytes() for a in record.attempts}


@pytest.mark.parametrize("name", ["noisy", "global_generators", "matrices", "lazy_torch"])
def test_engines_and_numbers_of_jobs_give_the_same_bits(name, tmp_path):
    if name == "lazy_torch":
        pytest.importorskip("torch")
    workload = load.find(f"{LOOPS}:{name}")
    runs = [
        run(workload, seeds=3, engine=engine, jobs=jobs, results=tmp_path)
        for engine, jobs in [("inline", 1), ("local", 1), ("local", 2)]
    ]
    first, *others = (curves_of(each) for each in runs)
    assert len(set(first.values())) == 3
    for other in others:
        assert other == first


def test_torch_imported_before_or_during_the_attempt_gives_the_same_bits(tmp_path):
    torch = pytest.importorskip("torch")
    workload = load.find(f"{LOOPS}:lazy_torch")
    inline = run(workload, results=tmp_path)  # torch is imported here
    local = run(workload, engine="local", results=tmp_path)  # and not yet in a new worker
    assert curves_of(inline) == curves_of(local)
    assert torch.get_default_dtype() is torch.float32


def test_an_attempt_leaves_the_process_as_it_found_it(tmp_path):
    import random

    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    np.random.seed(2)
    np.random.normal()  # leaves a second number in the generator's pocket
    random.seed(3)
    states = random.getstate(), np.random.get_state(legacy=False), torch.get_rng_state()
    here, errors, threads = Path.cwd(), np.geterr(), torch.get_num_threads()
    for name in ("unsettles", "lazy_torch", "global_generators", "raises"):
        run(f"{LOOPS}:{name}", results=tmp_path)
    assert random.getstate() == states[0]
    after = np.random.get_state(legacy=False)
    assert repr(after) == repr(states[1])
    assert np.array_equal(after["state"]["key"], states[1]["state"]["key"])
    assert torch.equal(torch.get_rng_state(), states[2])
    assert (Path.cwd(), np.geterr(), torch.get_num_threads()) == (here, errors, threads)


def test_whoever_reads_the_events_may_use_the_generators(tmp_path):
    """The reader's draws do not move the attempt's, nor the other way round."""
    import random

    def meddle(event):
        random.random()
        np.random.normal()

    workload = load.find(f"{LOOPS}:global_generators")
    quiet = run(workload, results=tmp_path)
    random.seed(5)
    expected = [random.random() for _ in range(100)]
    random.seed(5)
    # Slow enough for the reports to be handed over a few at a time, in between.
    noisy = run(workload, {"pause_s": 0.012}, results=tmp_path, on_event=meddle)
    assert curves_of(quiet) == curves_of(noisy)
    assert random.random() == expected[21]  # 20 reports and the end
