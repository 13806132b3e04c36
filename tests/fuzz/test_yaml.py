"""Configurations, command files and claims that nobody would write on purpose."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

import homeostat as hs
from homeostat.evidence.claims import load_claims
from homeostat.space.configs import load as load_config
from homeostat.workload.load import find

COMMAND = """
command: [./train.sh, "{lr}", "{momentum}", "{budget}", "{seed}", "{folder}"]
space:
  lr: {float: [1e-4, 1], log: true, default: 1e-3, help: Step.}
  momentum: {float: [0, 0.95], default: 0.5, when: {schedule: cosine}}
  batch: {int: [1, 64], log: true, tier: 2}
  schedule: {choice: [constant, cosine], tier: 2}
  decay: {value: 0.1, why: settled}
rules:
  - {when: {schedule: cosine}, set: {batch: 8}, why: it says so}
metric: loss
goal: minimize
budget: 30
bounds: {loss: [0, 100]}
env: {A: "{lr}"}
metrics: {jsonl: metrics.jsonl}
timeout: 60
"""
CONFIG = """
extends: other
description: A configuration.
budget: 20
seeds: 3
parameters: {lr: 0.01, act: tanh, width: 32}
"""
CLAIMS = """
baseline: base
samples: [width]
claims:
  higher rate: {change: {lr: 0.01}, expected: [2, 5], reason: The loss falls evenly.}
  wider: {change: {width: 64}, budget: 2.0}
"""

SPACE = hs.Space(
    lr=hs.Float(1e-4, 1.0, log=True, default=1e-3),
    act=hs.Choice(["relu", "tanh"]),
    width=hs.Int(1, 64, default=8),
)


@hs.workload(space=SPACE, metric="loss", goal="minimize", budget=3)
def small(config, trial):
    for step in trial.steps():
        yield hs.Report(step, loss=config.lr)


STRAY = (
    *("", "[", "{", "&a [*a]", "9" * 5000, "? [1]", "[" * 1500, "\t"),
    *("!!python/object:os.x ", "<<: 3"),
)

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**25), 10**25), st.floats(), st.text(max_size=6),
    st.sampled_from(["{lr}", "{", "{}", "1e999", "-.inf", "lr", "cosine", "../x", "", "\0", "<<"]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(content, way=()):
    """Every way into a nested document."""
    yield way
    items = content.items() if isinstance(content, dict) else ()
    items = enumerate(content) if isinstance(content, list) else items
    for key, inner in items:
        yield from places(inner, (*way, key))


def changed(content, way, value, drop):
    """The document with something else at one place, or with nothing there."""
    if not way:
        return value
    copy = dict(content) if isinstance(content, dict) else list(content)
    if drop and len(way) == 1:
        del copy[way[0]]
    else:
        copy[way[0]] = changed(copy[way[0]], way[1:], value, drop)
    return copy


def broken(text):
    """Texts near a good one: another value somewhere, a part cut out, a stray piece put in."""
    content = yaml.safe_load(text)
    elsewhere = st.builds(
        lambda way, value, drop: yaml.safe_dump(changed(content, way, value, drop)),
        st.sampled_from(list(places(content))), values, st.booleans(),
    )  # fmt: skip
    cut = st.builds(
        lambda i, j, piece: text[: min(i, j)] + piece + text[max(i, j) :],
        st.integers(0, len(text)),
        st.integers(0, len(text)),
        st.sampled_from(STRAY),
    )  # fmt: skip
    return st.one_of(elsewhere, elsewhere, cut, st.text(max_size=60))


def write(path, text):
    path.write_text(text, encoding="utf-8", errors="replace")
    return path


def test_command_files(cases, clear, tmp_path):
    @cases
    @given(broken(COMMAND))
    def check(text):
        path = write(tmp_path / "train.sh.yaml", text)
        found = clear(find, str(path), naming="train.sh.yaml")
        if found is not None:
            config = found.space.resolve()
            assert set(config) == set(found.space)

    check()


def test_configurations(cases, clear, tmp_path):
    write(tmp_path / "other.yaml", "parameters: {lr: 0.1}")

    @cases
    @given(broken(CONFIG))
    def check(text):
        path = write(tmp_path / "mine.yaml", text)
        named = clear(load_config, str(path), small)
        if named is not None:
            clear(SPACE.resolve, named.parameters)

    check()


def test_claims(cases, clear, tmp_path):
    @cases
    @given(broken(CLAIMS))
    def check(text):
        clear(load_claims, write(tmp_path / "claims.yaml", text), SPACE)

    check()
