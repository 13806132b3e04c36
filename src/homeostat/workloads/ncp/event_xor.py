"""Event XOR: the parity of a bit stream that is sent only when a bit changes.

The synthetic task of the CfC paper. A stream of 2 to 31 random bits is coded as events: one
whenever the bit differs from the last, with the time since the event before; the last bit is sent
in any case. Parity then depends on how long each run lasted: on time, not on values alone.

Source: Lechner & Hasani 2020, arXiv:2006.04418; Hasani et al. 2022, Nat. Mach. Intell. 4:992.
"""

from __future__ import annotations

import numpy as np

from homeostat.workloads.ncp.problem import Array, Problem, Scores, SequenceSet

LENGTH = 32
TRAIN_SEED, TEST_SEED = 1234984, 48736
VALIDATION_SHARE = 0.1
# A padded step passes no time to speak of; time that stands still would be refused.
NO_TIME = 1e-6


def event_xor(num_train: int, num_test: int = 10_000) -> Problem:
    """Streams and parities, drawn as published: the first `num_train` and `num_test` of theirs.

    The last tenth of the training streams is held out to choose by; the test streams come from
    the published test seed.
    """
    drawn = draw(num_train, TRAIN_SEED)
    num_fit = round(num_train * (1 - VALIDATION_SHARE))
    train, validation = drawn.take(slice(0, num_fit)), drawn.take(slice(num_fit, None))
    test = draw(num_test, TEST_SEED)
    parts = {"val": validation, "test": test}

    def accuracy(name: str, outputs_ST1: Array) -> Scores:
        return {"accuracy": _accuracy(parts[name], outputs_ST1)}

    return Problem(
        train=train,
        validation=validation,
        test=test,
        loss="cross_entropy",
        score=accuracy,
        baselines={"a fair coin": float(np.log(2.0))},
    )


def draw(count: int, seed: int) -> SequenceSet:
    """`count` coded streams from the published generator; the parity is due at the last event."""
    # The old generator on purpose: the published streams come from it.
    rng = np.random.RandomState(seed)
    x_ST1 = np.zeros((count, LENGTH, 1), dtype=np.float32)
    dt_ST = np.full((count, LENGTH), NO_TIME, dtype=np.float32)
    target_ST1 = np.zeros((count, LENGTH, 1), dtype=np.float32)
    weight_ST = np.zeros((count, LENGTH), dtype=np.float32)
    for row in range(count):
        events, elapsed, parity = code(rng)
        x_ST1[row, : len(events), 0] = events
        dt_ST[row, : len(events)] = np.array(elapsed) / LENGTH
        target_ST1[row, len(events) - 1] = parity
        weight_ST[row, len(events) - 1] = 1.0
    return SequenceSet(x_ST1, dt_ST, target_ST1, weight_ST)


def code(rng: np.random.RandomState) -> tuple[list[int], list[int], int]:
    """One stream: the bit of each event, the ticks since the one before, and the parity.

    Bits are drawn one at a time, and drawing stops once all but one place is taken, as published.
    """
    events: list[int] = []
    elapsed: list[int] = []
    ones, waited, bit = 0, 0, -1
    for _ in range(rng.randint(low=2, high=LENGTH)):
        last, bit = bit, int(rng.randint(low=0, high=2))
        ones += bit
        waited += 1
        if bit != last:
            events.append(bit)
            elapsed.append(waited)
            waited = 0
            if len(events) == LENGTH - 1:
                break
    if waited:
        events.append(bit)
        elapsed.append(waited)
    return events, elapsed, ones % 2


def _accuracy(part: SequenceSet, outputs_ST1: Array) -> float:
    right = (outputs_ST1 > 0.0) == (part.target_STO > 0.5)
    return float(np.average(right[..., 0], weights=part.weight_ST))
