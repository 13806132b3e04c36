"""Unlearnt: of the batches for which a loss is computed in training, all are learnt from."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Recording
from homeostat.record.check import Checks, Found

LEAST_REPORTS = 3
TIMES = 3.0
LOSSES = frozenset(
    {"cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
     "binary_cross_entropy", "binary_cross_entropy_with_logits"}
)  # fmt: skip


def check(bench: ShortRuns) -> Checks:
    found = Found("batches learnt from")
    run = bench.anatomy
    counts = [c for number in range(len(run.reports)) if (c := _counts(run, number)) is not None]
    if len(counts) < LEAST_REPORTS:
        return
    idle = [(learnt, other) for learnt, other in counts if other >= TIMES * learnt]
    if len(idle) < 0.9 * len(counts):
        yield found.ok("What a loss is computed for in training is learnt from.")
        return
    learnt, other = idle[0]
    yield found.warning(
        f"In each report a loss with a gradient is computed for {learnt + other} batches, and "
        f"{learnt} of them {'is' if learnt == 1 else 'are'} learnt from: the other {other} never "
        "are, for no backward pass reaches them.",
        "Put backward() and step() inside the loop over batches; compute scores under "
        "torch.no_grad().",
        learnt=learnt, other=other,
    )  # fmt: skip


def _counts(run: Recording, number: int) -> tuple[int, int] | None:
    """Batches of one report with a loss: learnt from, and not; None if that is not known."""
    passes = [b for b in run.backwards if b.report == number]
    if not passes or not all(b.walked for b in passes):
        return None
    calls = [
        c for c in run.calls
        if c.report == number and c.grad and c.rows and any(p.function in LOSSES for p in c.pairs)
    ]  # fmt: skip
    known = {c.rows for c in calls if c.learnt_from}
    # The same rows again are a line search, or a score of what is trained on.
    others = {c.rows for c in calls if not c.learnt_from} - known
    return (len(known), len(others)) if known else None
