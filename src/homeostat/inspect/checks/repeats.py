"""Repeats: the same seed gives the same numbers, and another seed gives others."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.probe.compare import compare
from homeostat.record.check import Checks, Found
from homeostat.wording import some


def check(bench: ShortRuns) -> Checks:
    found = Found("repeats")
    first, second = bench.plain(), bench.again()
    noisy = sorted(bench.noisy)
    words = bench.workload.words
    gap = compare(first, second, ignore=noisy)
    if gap.differs:
        yield found.fault(
            f"The same seed does not repeat itself: {gap.where}.",
            f"Draw from {words.in_a_loop('trial.rng(...) or trial.torch_rng(...), or from ')}the "
            "process's generators, which are seeded for each attempt; not from one that is made "
            "without a seed.",
            difference=gap.where,
        )
    elif not gap.same:
        yield found.skipped(f"Whether the same seed repeats itself was not seen: {gap.where}.")
        return
    else:
        but = f", apart from {some(noisy)}, which measure the machine" if noisy else ""
        yield found.ok(f"The same seed twice gives the same numbers, bit by bit{but}.")

    seed = Found("seed")
    other = bench.plain(seed=bench.seed + 1)
    apart = compare(first, other, ignore=noisy)
    if not apart.differs and not apart.same:
        yield seed.skipped(f"Whether seeds differ was not seen: {apart.where}.")
        return
    if apart.differs:
        yield seed.ok(f"Seeds {bench.seed} and {bench.seed + 1} give different runs.")
        return
    if any(update.nonfinite for update in bench.anatomy.updates):
        yield seed.skipped("The weights are not finite, so seeds cannot be told apart.")
        return
    drew = bench.anatomy.drew
    seeded = bench.anatomy.seeded
    if drew or seeded:
        how = f" It calls {some(sorted(set(seeded)))} itself." if seeded else ""
        yield seed.fault(
            f"Seeds {bench.seed} and {bench.seed + 1} give the same run bit by bit, although it "
            f"draws random numbers.{how}",
            "Seed from an option, such as --seed: run by hand, every run is the same one. In runs "
            "and searches of Homeostat its own seeds are moved on with the trial's."
            if words.is_script
            else "Seed from trial.seed, or leave seeding to the tool: without this, several seeds "
            "are one seed several times, and every interval is too narrow.",
            seeded=seeded,
        )
    else:
        yield seed.ok(f"{words.loop.capitalize()} draws no random numbers: one seed is enough.")
