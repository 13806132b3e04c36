# ruff: noqa: E501
"""Problems of every kind of space: the optimum is known, seeds are noisy, a run costs nothing.

Every value is bad: the lower the better. Four kinds: numbers, mixed, choices, conditional. Those of
`HELD_OUT` had no part in choosing how `auto` searches.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

import homeostat as hs
from homeostat.space.order import SearchSpace

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """A problem of some kind: what is drawn, what is true of it, and how much seeds differ."""

    name: str
    kind: str
    space: hs.Space
    truth: Callable[[Values], float | None]
    """What a configuration gives on average; none where it diverges."""
    best: float
    noise: float
    """The s.d. between seeds, in units of what a middling configuration is from the best."""
    skewed: bool = False
    """Whether bad seeds are much worse and good ones hardly better."""

    @cached_property
    def search_space(self) -> SearchSpace:
        return SearchSpace(self.space, self.space.searched(), {})

    @cached_property
    def typical(self) -> float:
        """The median truth of random configurations: regret is 1 there."""
        rng, searched = np.random.default_rng(0), self.search_space.searched
        drawn = (
            self.search_space.draw(lambda n: searched[n].from_unit(rng.random()))
            for _ in range(800)
        )
        found = [t for t in map(self.truth, drawn) if t is not None]
        return float(np.median(found))

    def run(self, values: Values, seed: int) -> float | None:
        """One noisy result; the same again for the same values and seed."""
        clean = self.truth(values)
        if clean is None:
            return None
        key = zlib.crc32(json.dumps(values, sort_keys=True).encode())
        z = np.random.default_rng([key, seed]).normal()
        luck = (math.exp(0.8 * z) - math.exp(0.32)) if self.skewed else z
        return clean + self.noise * (self.typical - self.best) * luck

    def regret(self, values: Values) -> float:
        clean = self.truth(values)
        return 1.0 if clean is None else (clean - self.best) / (self.typical - self.best)


def _log(value: float, low: float, high: float) -> float:
    return math.log(value / low) / math.log(high / low)


# Numbers


def valley() -> Kind:
    """Rate and decay that make up for each other, a width, a cliff at high rates."""
    space = hs.Space(
        rate=hs.Float(1e-5, 1.0, log=True), decay=hs.Float(1e-6, 1e-1, log=True),
        width=hs.Int(8, 512, log=True), drop=hs.Float(0.0, 0.7), warm=hs.Int(0, 20),
    )  # fmt: skip

    def truth(v: Values) -> float:
        rate, decay = math.log10(v["rate"]), math.log10(v["decay"])
        along, across = (rate + 2.2) - 0.5 * (decay + 3.5), (rate + 2.2) + 0.8 * (decay + 3.5)
        cliff = math.expm1(4 * (rate + 1.3)) if rate > -1.3 else 0.0
        width = 0.1 * (math.log2(v["width"] / 150)) ** 2 * (1 + v["drop"])
        return (
            along**2
            + 0.06 * across**2
            + width
            + 3 * (v["drop"] - 0.25) ** 2
            + 0.02 * abs(v["warm"] - 6)
            + cliff
        )

    return Kind(
        "valley",
        "numbers",
        space,
        truth,
        truth({"rate": 10**-2.2, "decay": 10**-3.5, "width": 150, "drop": 0.25, "warm": 6}),
        0.05,
    )


def _bumps(
    seed: int, d: int, peaks: int, width: float
) -> tuple[Callable[[np.ndarray], float], float]:
    """The lowest of several wells; the best is the centre of the deepest, the others are decoys."""
    rng = np.random.default_rng(seed)
    centres, depths = rng.uniform(0.12, 0.88, (peaks, d)), np.linspace(1.0, 0.6, peaks)
    scale = width * math.sqrt(d) * rng.uniform(0.6, 1.5, (peaks, d))

    def value(x: np.ndarray) -> float:
        return 1.0 - float((depths * np.exp(-(((x - centres) / scale) ** 2).sum(axis=1))).max())

    return value, 0.0


def hartmann6() -> Kind:
    from problems import hartmann

    problem = hartmann()
    space = hs.Space(**{name: hs.Float(0.0, 1.0) for name in problem.knobs})
    return Kind("hartmann", "numbers", space, problem.truth, problem.best, 0.02)


def wells() -> Kind:
    value, best = _bumps(11, 5, 5, 0.35)
    space = hs.Space(**{f"x{i}": hs.Float(0.0, 1.0) for i in range(5)})
    return Kind(
        "wells",
        "numbers",
        space,
        lambda v: value(np.array([v[f"x{i}"] for i in range(5)])),
        best,
        0.04,
    )


def sparse() -> Kind:
    """Sixteen numbers of which four matter, two of them together."""
    space = hs.Space(
        **{f"x{i}": hs.Float(0.0, 1.0) for i in range(12)},
        **{f"n{i}": hs.Int(1, 64, log=True) for i in range(4)},
    )

    def truth(v: Values) -> float:
        a, b, c, n = v["x2"] - 0.7, v["x5"] - 0.2, v["x9"] - 0.45, math.log2(v["n1"] / 24)
        return 4 * (a - b) ** 2 + 1.5 * (a + b) ** 2 + abs(c) + 0.05 * n * n

    return Kind(
        "sparse",
        "numbers",
        space,
        truth,
        truth({"x2": 0.7, "x5": 0.2, "x9": 0.45, "n1": 24}),
        0.05,
        skewed=True,
    )


# Mixed


def optimisers() -> Kind:
    """The best rate depends on the optimiser, the best depth on the activation."""
    rates = {"sgd": -0.8, "adam": -3.0, "rms": -3.4, "lion": -4.1}
    floors = {"sgd": 0.12, "adam": 0.0, "rms": 0.1, "lion": 0.03}
    depths = {"relu": 5, "tanh": 2, "gelu": 6, "elu": 4}
    acts = {"relu": 0.05, "tanh": 0.2, "gelu": 0.0, "elu": 0.08}
    space = hs.Space(
        rate=hs.Float(1e-6, 1.0, log=True), optimiser=hs.Choice(list(rates)), act=hs.Choice(list(acts)),
        depth=hs.Int(1, 8), batch=hs.Int(8, 1024, log=True), smooth=hs.Bool(), drop=hs.Float(0.0, 0.6),
    )  # fmt: skip

    def truth(v: Values) -> float:
        off = math.log10(v["rate"]) - rates[v["optimiser"]] - 0.3 * math.log2(v["batch"] / 64) / 3
        deep = v["depth"] - depths[v["act"]]
        drop = v["drop"] - (0.1 if v["smooth"] else 0.3)
        return (
            floors[v["optimiser"]]
            + acts[v["act"]]
            + 0.25 * min(off * off, 4)
            + 0.015 * deep * deep
            + drop * drop
            + 0.05 * (not v["smooth"])
        )

    return Kind(
        "optimisers",
        "mixed",
        space,
        truth,
        truth(
            {
                "rate": 1e-3,
                "optimiser": "adam",
                "act": "gelu",
                "depth": 6,
                "batch": 64,
                "smooth": True,
                "drop": 0.1,
            }
        ),
        0.05,
    )


def ackley() -> Kind:
    """Ackley's function of six switches and four numbers."""
    target = dict(zip("abcdef", [True, False, True, True, False, True], strict=True))
    shift = {"x0": 0.3, "x1": 0.65, "x2": 0.55, "x3": 0.4}
    space = hs.Space(**{n: hs.Bool() for n in target}, **{n: hs.Float(0.0, 1.0) for n in shift})

    def truth(v: Values) -> float:
        z = np.array(
            [float(v[n] != t) for n, t in target.items()]
            + [2.5 * (v[n] - s) for n, s in shift.items()]
        )
        return float(
            20
            - 20 * math.exp(-0.2 * math.sqrt((z * z).mean()))
            + math.e
            - math.exp(np.cos(2 * math.pi * z).mean())
        )

    return Kind("ackley", "mixed", space, truth, 0.0, 0.03)


def wells_mixed() -> Kind:
    """Wells that each belong to one pair of choices."""
    rng = np.random.default_rng(5)
    options = [("a", "b", "c", "d"), ("p", "q", "r", "s")]
    centres = rng.uniform(0.1, 0.9, (4, 4, 4))
    floors = rng.uniform(0.08, 0.5, (4, 4))
    floors[2, 1] = 0.0
    space = hs.Space(
        one=hs.Choice(options[0]),
        two=hs.Choice(options[1]),
        **{f"x{i}": hs.Float(0.0, 1.0) for i in range(4)},
    )

    def truth(v: Values) -> float:
        i, j = options[0].index(v["one"]), options[1].index(v["two"])
        x = np.array([v[f"x{k}"] for k in range(4)])
        centre = 0.6 * centres[2, 1] + 0.4 * centres[i, j]
        return float(floors[i, j] + 1.2 * ((x - centre) ** 2).sum())

    return Kind("wells mixed", "mixed", space, truth, 0.0, 0.05)


def recipe() -> Kind:
    """Effects of five choices add up; of five numbers the best place depends on one of them."""
    rng = np.random.default_rng(8)
    effects = {
        f"c{i}": np.sort(np.r_[0.0, rng.gamma(1.2, 0.15, 3 + i % 3)])[rng.permutation(4 + i % 3)]
        for i in range(5)
    }
    space = hs.Space(
        **{n: hs.Choice([f"o{k}" for k in range(len(e))]) for n, e in effects.items()},
        **{f"x{i}": hs.Float(1e-4, 1.0, log=True) for i in range(3)}, **{f"n{i}": hs.Int(1, 20) for i in range(2)},
    )  # fmt: skip
    places = rng.uniform(0.2, 0.8, (len(effects["c0"]), 5))

    def truth(v: Values) -> float:
        z = np.array(
            [_log(v[f"x{i}"], 1e-4, 1.0) for i in range(3)]
            + [(v[f"n{i}"] - 0.5) / 20 for i in range(2)]
        )
        place = places[int(v["c0"][1:])]
        return float(
            sum(e[int(v[n][1:])] for n, e in effects.items())
            + (np.array([1.5, 1, 0.6, 0.8, 0.2]) * (z - place) ** 2).sum()
        )

    # Whole numbers cannot meet their places exactly.
    least = places[int(np.argmin(effects["c0"]))]
    off = [min(abs((n - 0.5) / 20 - place) for n in range(1, 21)) for place in least[3:]]
    return Kind(
        "recipe",
        "mixed",
        space,
        truth,
        float(0.8 * off[0] ** 2 + 0.2 * off[1] ** 2),
        0.05,
        skewed=True,
    )


# Choices only


def _choices(
    name: str, kind: str, sizes: list[int], table: np.ndarray, noise: float, skewed: bool = False
) -> Kind:
    space = hs.Space(
        **{
            f"c{i}": hs.Choice([f"o{k}" for k in range(size)]) if size > 2 else hs.Bool()
            for i, size in enumerate(sizes)
        }
    )

    def truth(v: Values) -> float:
        return float(
            table[
                tuple(
                    int(x[1:]) if isinstance(x, str) else int(x)
                    for x in (v[f"c{i}"] for i in range(len(sizes)))
                )
            ]
        )

    return Kind(name, kind, space, truth, float(table.min()), noise, skewed)


def _effects(
    seed: int, sizes: list[int], pairs: int, weight: float, triples: int = 0
) -> np.ndarray:
    """Main effects of very different size, and some of pairs and triples, for all combinations."""
    rng = np.random.default_rng(seed)
    d, table = len(sizes), np.zeros(sizes)

    def add(axes: list[int], scale: float) -> None:
        shape = [sizes[i] if i in axes else 1 for i in range(d)]
        table[...] += scale * rng.normal(size=shape)

    for i in range(d):
        add([i], rng.gamma(1.0, 1.0))
    for _ in range(pairs):
        add(sorted(rng.choice(d, 2, replace=False).tolist()), weight)
    for _ in range(triples):
        add(sorted(rng.choice(d, 3, replace=False).tolist()), weight)
    return table


def pairs() -> Kind:
    sizes = [4] * 8
    return _choices("pairs", "choices", sizes, _effects(1, sizes, 5, 0.6), 0.06)


def switches() -> Kind:
    """Sixteen switches, each of whose effect depends on two others (Kauffman's NK landscape)."""
    rng, n = np.random.default_rng(2), 16
    table = np.zeros([2] * n)
    for i in range(n):
        axes = [i, *rng.choice([j for j in range(n) if j != i], 2, replace=False).tolist()]
        table += rng.random([2 if j in axes else 1 for j in range(n)])
    return _choices("switches", "choices", [2] * n, table, 0.1)


def factors() -> Kind:
    """Factors that multiply: a bad choice anywhere spoils the rest."""
    sizes = [6, 5, 6, 4, 3, 6]
    return _choices(
        "factors", "choices", sizes, np.exp(0.5 * _effects(13, sizes, 3, 0.5)), 0.05, skewed=True
    )


def architecture() -> Kind:
    """Four operations of five kinds, and eight switches of which most are idle."""
    rng = np.random.default_rng(4)
    sizes = [5, 5, 5, 5, 2, 2, 2, 2, 2, 2, 2, 2]
    table = np.broadcast_to(
        _effects(4, sizes[:4], 4, 0.7, triples=1)[(..., *[None] * 8)], sizes
    ).copy()
    for axis, effect in ((5, 0.8), (9, -0.5)):
        table += (
            effect * rng.normal() * np.arange(2).reshape([2 if i == axis else 1 for i in range(12)])
        )
    return _choices("architecture", "choices", sizes, table, 0.06)


# Conditional


def models() -> Kind:
    """Four models, each with parameters of its own."""
    space = hs.Space(
        model=hs.Choice(["svm", "forest", "net", "boost"]),
        c=hs.Float(1e-3, 1e3, log=True, when={"model": "svm"}), gamma=hs.Float(1e-5, 10.0, log=True, when={"model": "svm"}),
        trees=hs.Int(10, 1000, log=True, when={"model": ("forest", "boost")}), leaf=hs.Int(1, 30, when={"model": "forest"}),
        rate=hs.Float(1e-4, 1.0, log=True, when={"model": ("net", "boost")}), units=hs.Int(4, 256, log=True, when={"model": "net"}),
        depth=hs.Int(1, 12, when={"model": "boost"}), drop=hs.Float(0.0, 0.8, when={"model": "net"}),
        scale=hs.Choice(["none", "unit", "rank"]),
    )  # fmt: skip

    def truth(v: Values) -> float:
        model, scale = v["model"], {"none": 0.1, "unit": 0.0, "rank": 0.04}[v["scale"]]
        if model == "svm":
            c, g = math.log10(v["c"]) - 1, math.log10(v["gamma"]) + 2
            return 0.08 + scale * 2 + 0.05 * (c + g) ** 2 + 0.02 * (c - g) ** 2
        if model == "forest":
            return 0.18 + 0.05 * math.log10(1000 / v["trees"]) + 0.004 * abs(v["leaf"] - 4)
        rate = math.log10(v["rate"])
        if model == "net":
            return (
                scale * 2
                + 0.1 * (rate + 2.5) ** 2
                + 0.02 * math.log2(v["units"] / 90) ** 2
                + 0.5 * (v["drop"] - 0.35) ** 2
            )
        steps = rate + math.log10(v["trees"]) - 1.3
        return 0.04 + 0.1 * steps**2 + 0.01 * (v["depth"] - 5) ** 2 + 0.02 * (rate + 1.2) ** 2

    best = truth({"model": "net", "rate": 10**-2.5, "units": 90, "drop": 0.35, "scale": "unit"})
    return Kind("models", "conditional", space, truth, best, 0.06)


def layers() -> Kind:
    """One to four layers, each with a width and an activation."""
    acts = ("relu", "tanh", "none")
    names = {
        f"w{i}": hs.Int(4, 256, log=True, when={"layers": tuple(range(i, 5))} if i > 1 else None)
        for i in range(1, 5)
    }
    names |= {
        f"a{i}": hs.Choice(
            acts, default="relu", when={"layers": tuple(range(i, 5))} if i > 1 else None
        )
        for i in range(1, 5)
    }
    space = hs.Space(layers=hs.Choice([1, 2, 3, 4]), rate=hs.Float(1e-5, 1e-1, log=True), **names)

    def truth(v: Values) -> float:
        n = v["layers"]
        off = math.log10(v["rate"]) + 2 + 0.3 * n
        widths = sum(0.03 * math.log2(v[f"w{i}"] / (128 / i)) ** 2 for i in range(1, n + 1)) / n
        badness = {"relu": 0.0, "tanh": 0.08, "none": 0.25}
        acts = sum(badness[v[f"a{i}"]] for i in range(1, n + 1)) / n
        return {1: 0.3, 2: 0.1, 3: 0.0, 4: 0.06}[n] + 0.12 * off * off + widths + acts

    best = truth(
        {
            "layers": 3,
            "rate": 10**-2.9,
            "w1": 128,
            "w2": 64,
            "w3": 43,
            "a1": "relu",
            "a2": "relu",
            "a3": "relu",
        }
    )
    return Kind("layers", "conditional", space, truth, best, 0.06)


def nested() -> Kind:
    """Conditions on what is conditional itself."""
    space = hs.Space(
        optimiser=hs.Choice(["adam", "sgd"]), rate=hs.Float(1e-5, 1.0, log=True),
        momentum=hs.Float(0.0, 0.99, when={"optimiser": "sgd"}), nesterov=hs.Bool(when={"optimiser": "sgd"}),
        beta=hs.Float(0.8, 0.999, when={"optimiser": "adam"}), decoupled=hs.Bool(when={"optimiser": "adam"}),
        decay=hs.Float(1e-6, 1e-1, log=True, when={"decoupled": True}),
        schedule=hs.Choice(["constant", "cosine", "step"]), warm=hs.Float(0.0, 0.3, when={"schedule": "cosine"}),
        gamma=hs.Float(0.05, 0.95, when={"schedule": "step"}), every=hs.Int(1, 50, log=True, when={"schedule": "step"}),
    )  # fmt: skip

    def truth(v: Values) -> float:
        rate = math.log10(v["rate"])
        if v["optimiser"] == "sgd":
            eff = rate - math.log10(1 - v["momentum"])
            bad = (
                0.05
                + 0.1 * (eff - 0.0) ** 2
                + 0.1 * (v["momentum"] - 0.9) ** 2
                + 0.03 * (not v["nesterov"])
            )
        else:
            bad = 0.15 * (rate + 2.7) ** 2 + 2 * (v["beta"] - 0.95) ** 2
            bad += 0.12 if not v["decoupled"] else 0.02 * (math.log10(v["decay"]) + 2.5) ** 2
        if v["schedule"] == "constant":
            return bad + 0.15
        if v["schedule"] == "cosine":
            return bad + 2 * (v["warm"] - 0.08) ** 2
        return bad + 0.04 + 0.3 * (v["gamma"] - 0.3) ** 2 + 0.05 * abs(math.log2(v["every"] / 12))

    best = truth(
        {
            "optimiser": "adam",
            "rate": 10**-2.7,
            "beta": 0.95,
            "decoupled": True,
            "decay": 10**-2.5,
            "schedule": "cosine",
            "warm": 0.08,
        }
    )
    return Kind("nested", "conditional", space, truth, best, 0.06)


def augment() -> Kind:
    """Six operations that can be on, each with a strength of its own."""
    rng = np.random.default_rng(9)
    gains, places = rng.uniform(-0.15, 0.3, 6), rng.uniform(0.15, 0.85, 6)
    space = hs.Space(
        rate=hs.Float(1e-4, 1.0, log=True), **{f"on{i}": hs.Bool(default=False) for i in range(6)},
        **{f"s{i}": hs.Float(0.0, 1.0, when={f"on{i}": True}) for i in range(6)},
    )  # fmt: skip

    def truth(v: Values) -> float:
        bad = 1.0 + 0.15 * (math.log10(v["rate"]) + 1.6) ** 2
        for i in range(6):
            if v[f"on{i}"]:
                bad -= gains[i] - 1.5 * (v[f"s{i}"] - places[i]) ** 2
        return bad

    return Kind("augment", "conditional", space, truth, 1.0 - float(gains[gains > 0].sum()), 0.06)


PROBLEMS: list[Callable[[], Kind]] = [
    valley, hartmann6, wells, sparse,
    optimisers, ackley, wells_mixed, recipe,
    pairs, switches, factors, architecture,
    models, layers, nested, augment,
]  # fmt: skip


# Held out: other families than those above


def ridge() -> Kind:
    """A bent ridge (Rosenbrock's) of four numbers; seeds differ more where it is bad."""
    space = hs.Space(**{f"x{i}": hs.Float(-1.5, 1.5) for i in range(4)})

    def truth(v: Values) -> float:
        x = np.array([v[f"x{i}"] for i in range(4)])
        return math.log1p(float((8 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()))

    return Kind("ridge", "numbers", space, truth, 0.0, 0.03, skewed=True)


def plateau() -> Kind:
    """Nothing is learned on most of the space; whole numbers, steps."""
    space = hs.Space(
        rate=hs.Float(1e-6, 10.0, log=True),
        units=hs.Int(1, 2000, log=True),
        heads=hs.Int(2, 32, step=2),
        clip=hs.Float(0.0, 4.0, step=0.25),
        ema=hs.Float(0.5, 1.0),
        eps=hs.Float(1e-12, 1e-2, log=True),
    )

    def truth(v: Values) -> float | None:
        rate = math.log10(v["rate"]) + 0.4 * math.log10(v["units"]) + 1.4
        if rate > 1.6:
            return None
        quality = (
            math.exp(-rate * rate)
            * math.exp(-0.15 * math.log10(v["units"] / 300) ** 2)
            * math.exp(-(((v["ema"] - 0.9) / 0.5) ** 2))
        )
        return 1 - quality + 0.02 * (v["heads"] / 2 - 4) ** 2 / 16 + 0.05 * (v["clip"] - 1) ** 2 / 4

    return Kind(
        "plateau",
        "numbers",
        space,
        truth,
        truth(
            {
                "rate": 10 ** -(1.4 + 0.4 * math.log10(300)),
                "units": 300,
                "ema": 0.9,
                "heads": 8,
                "clip": 1.0,
            }
        ),
        0.03,
    )


def kernelled() -> Kind:
    """A kernel and a loss, with numbers whose meaning depends on both."""
    rng = np.random.default_rng(77)
    places, floor = (
        rng.uniform(0.15, 0.85, (3, 5, 3)),
        np.array(
            [[0.3, 0.1, 0.2, 0.05, 0.25], [0.12, 0.02, 0.3, 0.0, 0.1], [0.4, 0.2, 0.15, 0.1, 0.3]]
        ),
    )
    space = hs.Space(
        kernel=hs.Choice(["a", "b", "c"]),
        loss=hs.Choice(list("vwxyz")),
        p=hs.Float(0, 1),
        q=hs.Float(1e-3, 10, log=True),
        r=hs.Int(1, 100),
        **{f"idle{i}": hs.Choice([1, 2, 3]) for i in range(3)},
    )

    def truth(v: Values) -> float:
        i, j = "abc".index(v["kernel"]), "vwxyz".index(v["loss"])
        place = 0.5 * places[i, 0] + 0.5 * places[1, 3] if (i, j) != (1, 3) else places[1, 3]
        z = np.array([v["p"], _log(v["q"], 1e-3, 10), (v["r"] - 0.5) / 100])
        return float(floor[i, j] + np.abs(z - place).sum() ** 1.5 * 0.5)

    return Kind(
        "kernels",
        "mixed",
        space,
        truth,
        truth(
            {
                "kernel": "b",
                "loss": "y",
                "p": places[1, 3, 0],
                "q": 1e-3 * 1e4 ** places[1, 3, 1],
                "r": round(100 * places[1, 3, 2] + 0.5),
            }
        ),
        0.05,
    )


def pipeline() -> Kind:
    rng = np.random.default_rng(31)
    table = _effects(31, [3, 4, 3, 5, 2, 2], 4, 0.5)
    directions = rng.normal(size=(3, 4))
    space = hs.Space(
        **{f"c{i}": hs.Choice([f"o{k}" for k in range(s)]) for i, s in enumerate([3, 4, 3, 5])},
        d0=hs.Bool(),
        d1=hs.Bool(),
        **{f"x{i}": hs.Float(0.0, 1.0) for i in range(4)},
    )

    def truth(v: Values) -> float:
        place = (*(int(v[f"c{i}"][1:]) for i in range(4)), int(v["d0"]), int(v["d1"]))
        x = np.array([v[f"x{i}"] for i in range(4)]) - 0.35
        return float(table[place] + 2 * (x @ x) + (directions[place[0]] @ x) ** 2)

    return Kind("pipeline", "mixed", space, truth, float(table.min()), 0.05)


def tokens() -> Kind:
    sizes = [7, 7, 7, 7, 7]
    return _choices("tokens", "choices", sizes, _effects(41, sizes, 6, 0.8, triples=1), 0.07)


def faults() -> Kind:
    """Few of fourteen switches matter, three of them only together."""
    rng = np.random.default_rng(42)
    table = _effects(42, [2] * 14, 6, 0.4) * rng.choice([0.3, 1.0])
    return _choices("faults", "choices", [2] * 14, table, 0.08, skewed=True)


def boosted() -> Kind:
    space = hs.Space(
        booster=hs.Choice(["tree", "linear", "dart"]), rounds=hs.Int(10, 2000, log=True), eta=hs.Float(1e-3, 1.0, log=True, when={"booster": ("tree", "dart")}),
        deep=hs.Int(2, 14, when={"booster": ("tree", "dart")}), lam=hs.Float(1e-4, 1e2, log=True), rate_drop=hs.Float(0, 1, when={"booster": "dart"}),
        grow=hs.Choice(["level", "loss"], when={"booster": ("tree", "dart")}), leaves=hs.Int(4, 512, log=True, when={"grow": "loss"}),
    )  # fmt: skip

    def truth(v: Values) -> float:
        reg = 0.01 * (math.log10(v["lam"]) - 0.3) ** 2
        if v["booster"] == "linear":
            return 0.25 + reg + 0.02 * abs(math.log10(v["rounds"] / 300))
        steps = math.log10(v["eta"] * v["rounds"]) - 1.4
        bad = (
            reg
            + 0.08 * steps**2
            + 0.006 * (v["deep"] - 7) ** 2
            + 0.02 * (math.log10(v["eta"]) + 1.5) ** 2
        )
        bad += 0.05 if v["grow"] == "level" else 0.02 * math.log2(v["leaves"] / 60) ** 2
        return bad + (0.02 + 0.3 * (v["rate_drop"] - 0.1) ** 2 if v["booster"] == "dart" else 0.0)

    rounds = round(10**1.4 / 10**-1.5)
    best = truth(
        {
            "booster": "tree",
            "rounds": rounds,
            "eta": 10**-1.5,
            "deep": 7,
            "lam": 2.0,
            "grow": "loss",
            "leaves": 60,
        }
    )
    return Kind("boosted", "conditional", space, truth, best, 0.06)


def blocks() -> Kind:
    """Two encoders with switches of their own; a branch that looks good early is not the best."""
    rng = np.random.default_rng(55)
    at = rng.uniform(0.2, 0.8, (2, 4))
    space = hs.Space(
        encoder=hs.Choice(["conv", "attn"]), rate=hs.Float(1e-5, 1e-1, log=True),
        **{f"c{i}": hs.Float(0, 1, when={"encoder": "conv"}) for i in range(2)}, **{f"a{i}": hs.Float(0, 1, when={"encoder": "attn"}) for i in range(4)},
        norm=hs.Choice(["batch", "layer", "none"]), groups=hs.Int(1, 32, log=True, when={"norm": "batch"}), gate=hs.Bool(when={"encoder": "attn"}),
    )  # fmt: skip

    def truth(v: Values) -> float:
        rate = math.log10(v["rate"])
        norm = {"layer": 0.04, "none": 0.2}.get(v["norm"], 0.0) + (
            0.01 * math.log2(v["groups"] / 8) ** 2 if v["norm"] == "batch" else 0
        )
        if v["encoder"] == "conv":
            return (
                0.15
                + norm
                + 0.1 * (rate + 2.5) ** 2
                + 0.4 * sum((v[f"c{i}"] - at[0, i]) ** 2 for i in range(2))
            )
        return (
            norm
            + 0.2 * (rate + 3.4) ** 2
            + 0.8 * sum((v[f"a{i}"] - at[1, i]) ** 2 for i in range(4))
            + 0.06 * (not v["gate"])
        )

    best = truth(
        {
            "encoder": "attn",
            "rate": 10**-3.4,
            **{f"a{i}": at[1, i] for i in range(4)},
            "norm": "batch",
            "groups": 8,
            "gate": True,
        }
    )
    return Kind("blocks", "conditional", space, truth, best, 0.06)


HELD_OUT: list[Callable[[], Kind]] = [
    ridge,
    plateau,
    kernelled,
    pipeline,
    tokens,
    faults,
    boosted,
    blocks,
]
