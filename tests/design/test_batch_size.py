"""The batch-size search: it times, catches running out of memory, and keeps the effective batch."""

import contextlib
import signal
import time

import pytest
import torch

from homeostat.design.batch_size import find_batch_size
from homeostat.errors import UnknownNameError, WorkloadError
from homeostat.space import Float, Int, Space
from homeostat.workload.report import Report
from homeostat.workload.workload import workload

# A step takes 4 ms and 1/16 ms more for each row: half of the best speed is reached at 64 rows.
FIXED_S, PER_ROW_S = 4e-3, 1 / 16e3


def loader(limit=10**9, error=MemoryError, unit="step", accumulate=True):
    extra = {"accumulate": Int(1, 64, default=2)} if accumulate else {}
    space = Space(
        batch_size=Int(8, 512, log=True, default=32), lr=Float(0, 1, default=0.1), **extra
    )

    @workload(space=space, metric="loss", goal="minimize", budget=10, unit=unit)
    def steps(config, trial):
        for step in trial.steps():
            if config.batch_size > limit:
                raise error("[enforce fail] DefaultCPUAllocator: can't allocate memory")
            batches = 1 if unit == "step" else 1024 // config.batch_size
            time.sleep(batches * (FIXED_S + PER_ROW_S * config.batch_size))
            yield Report(step, loss=1.0)

    return steps


@pytest.mark.parametrize("unit", ["step", "epoch"])
@pytest.mark.slow
def test_throughput_grows_and_the_smallest_nearly_best_size_is_recommended(unit):
    found = find_batch_size(loader(unit=unit), steps=2)
    sizes = [one.size for one in found.sizes]
    assert sizes == [8, 16, 32, 64, 128, 256, 512]
    assert max(one.throughput for one in found.sizes) == 1.0
    # By the arithmetic above: 0.13 at 8 rows, 0.56 at 64, 0.9 at 256; sleeping is not exact.
    assert found.sizes[0].throughput < 0.3
    assert found.recommended in (256, 512)


def test_a_sleeping_step_uses_no_core_and_memory_is_told():
    found = find_batch_size(loader(), sizes=(8, 16), steps=3)
    assert all(one.utilisation < 0.5 for one in found.sizes)
    assert all(one.memory_mb > 10 for one in found.sizes)
    assert found.sizes[0].seconds >= FIXED_S + 8 * PER_ROW_S


def test_a_size_has_the_one_thread_that_an_attempt_has():
    seen = []

    @workload(
        space=Space(batch_size=Int(8, 512, log=True, default=32)),
        metric="loss", goal="minimize", budget=10,
    )  # fmt: skip
    def counts(config, trial):
        for step in trial.steps():
            seen.append(torch.get_num_threads())
            yield Report(step, loss=1.0)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        find_batch_size(counts, sizes=(8,), steps=2)
        assert set(seen) == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("error", [MemoryError, RuntimeError])
@pytest.mark.slow
def test_a_size_that_does_not_fit_ends_the_search_and_accumulation_makes_up_for_it(error):
    found = find_batch_size(loader(64, error), {"batch_size": 512, "accumulate": 2}, steps=1)
    assert [one.size for one in found.sizes] == [8, 16, 32, 64, 128]
    assert [one.fits for one in found.sizes] == [True] * 4 + [False]
    assert found.recommended in (32, 64)
    assert found.recommended * found.accumulate == 1024
    assert "keeps 1024 to" in found.why


def test_what_accumulation_cannot_keep_is_said_with_the_number_that_it_makes():
    found = find_batch_size(loader(), {"batch_size": 16, "accumulate": 2}, sizes=(128,), steps=1)
    assert found.accumulate == 1
    assert "accumulate=1 makes 128 to an optimiser step, where it is 32" in found.why


def test_validation_is_no_part_of_the_time_of_a_step():
    space = Space(batch_size=Int(8, 64, log=True, default=8))

    @workload(space=space, metric="loss", goal="minimize", budget=4, unit="epoch")
    def validates(config, trial):
        weight = torch.zeros(1, requires_grad=True)
        optimizer = torch.optim.SGD([weight], lr=0.1)
        for epoch in trial.steps():
            for _ in range(256 // config.batch_size):
                time.sleep(PER_ROW_S * config.batch_size)
                weight.sum().backward()
                optimizer.step()
            time.sleep(0.2)  # as long for every size
            yield Report(epoch, loss=1.0)

    found = find_batch_size(validates, sizes=(8, 64), steps=2)
    assert all(one.seconds < 0.1 for one in found.sizes)


def test_when_nothing_fits_it_says_so():
    found = find_batch_size(loader(4), steps=1)
    assert found.recommended is None and found.why == "Not even 8 fits in memory."


def test_another_error_is_not_taken_for_lack_of_memory():
    broken = loader(0, lambda _: RuntimeError("shapes differ"))
    with pytest.raises(RuntimeError, match="shapes differ"):
        find_batch_size(broken)


def test_what_is_no_batch_size_is_refused():
    with pytest.raises(UnknownNameError, match="no batch size 'lr'"):
        find_batch_size(loader(), parameter="lr")


def test_without_accumulation_it_only_recommends_a_size():
    found = find_batch_size(loader(accumulate=False), sizes=(8, 16), steps=1)
    assert found.accumulate == 1 and "optimiser step" not in found.why


@pytest.mark.parametrize("hangs_at", [1, 4])
def test_a_step_that_hangs_is_left_in_time_and_the_process_is_as_before(hangs_at):
    @workload(
        space=Space(batch_size=Int(1, 8, default=2)), metric="loss", goal="minimize", budget=9
    )
    def hanging(config, trial):
        for step in trial.steps():
            with contextlib.suppress(Exception):  # a loop that minds nothing
                time.sleep(60.0 if config.batch_size == hangs_at else 0.0)
            yield Report(step, loss=1.0)

    before, started = signal.getsignal(signal.SIGALRM), time.monotonic()
    timer_s = signal.getitimer(signal.ITIMER_REAL)[0]
    if hangs_at == 1:
        with pytest.raises(WorkloadError, match="not even 3 steps ended in the time given"):
            find_batch_size(hanging, steps=3, budget_s=1.0)
    else:
        found = find_batch_size(hanging, steps=3, budget_s=8.0)
        assert [one.size for one in found.sizes] == [1, 2]
    assert time.monotonic() - started < 40
    assert signal.getsignal(signal.SIGALRM) is before
    # A timer that was set before, such as this test's own, goes on.
    left_s = signal.getitimer(signal.ITIMER_REAL)[0]
    assert left_s == timer_s == 0.0 or 0.0 < left_s < timer_s
