"""docs/mini.py: what it says of itself is so."""

import importlib.util
import itertools
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "mini.py"


@pytest.fixture(scope="module")
def mini():
    spec = importlib.util.spec_from_file_location("mini", PAGE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["mini"] = module
    spec.loader.exec_module(module)
    return module


def test_it_is_short():
    assert len(PAGE.read_text(encoding="utf-8").splitlines()) <= 300


def test_it_finds_a_better_rate_and_is_sure_of_it_on_fresh_seeds(mini, tmp_path, capsys):
    mini.main(tmp_path)
    told = capsys.readouterr().out
    assert told.startswith("40 trials: ")
    assert " diverged" in told and " 0 diverged" not in told
    assert told.count("an improvement") == 1


@pytest.mark.parametrize("reports", [1, 39, 41, 700])
def test_after_a_kill_it_goes_on_with_the_same_sequence(mini, tmp_path, reports):
    whole = mini.search(mini.regression, mini.SPACE, tmp_path / "whole").ranked()
    countdown = itertools.count(reports, -1)

    def killed(config, rng):
        for report in mini.regression(config, rng):
            if next(countdown) == 0:
                raise KeyboardInterrupt
            yield report

    with pytest.raises(KeyboardInterrupt):
        mini.search(killed, mini.SPACE, tmp_path / "killed")
    assert mini.search(mini.regression, mini.SPACE, tmp_path / "killed").ranked() == whole


def test_what_is_done_is_not_run_again(mini, tmp_path):
    study = mini.search(mini.regression, mini.SPACE, tmp_path)

    def never(config, rng):
        raise AssertionError("it was run again")
        yield

    assert mini.search(never, mini.SPACE, tmp_path).ranked() == study.ranked()
