"""`nas search` starts from what is shipped, varies what it is made of, and says how far it is."""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from homeostat.cli.main import run_app
from homeostat.cli.output import Output
from homeostat.errors import SpaceError
from homeostat.execute.job import Finished, Job, Reported
from homeostat.record.attempt import Attempt
from homeostat.record.outcome import Outcome
from homeostat.search.optimise import Told
from homeostat.search.search import look_store
from homeostat.space import configs
from homeostat.study.definition import Definition
from homeostat.study.study import Study
from homeostat.workload.load import find
from homeostat.workload.report import Report
from homeostat.workloads.evolution.nas import app
from homeostat.workloads.evolution.nas.progress import TrialProgress
from homeostat.workloads.evolution.nas.search import SearchRequest, _start, modes_of
from homeostat.workloads.evolution.space import SPACE

EVOLUTION = find("evolution")
TINY = ["--simulation-duration", "1", "--held-out-layouts", "2", "--population-size", "100"]
TINY += ["--eval-layouts", "1", "-g", "2", "--jobs", "1", "--prune", "none"]


@pytest.mark.parametrize("mode", ["pure", "hybrid", "neat"])
def test_a_search_of_a_mode_starts_from_its_baseline(mode):
    start = _start(SearchRequest(study="s"), (mode,))
    baseline = configs.load(f"{mode}_baseline", EVOLUTION).resolve(SPACE)
    assert start.config == baseline
    assert start.budget == 100  # the guide's, not the baseline's own
    guide = _start(SearchRequest(study="s", config="guide"), (mode,))
    assert guide.config == SPACE.resolve({"neural_mode": mode})


def test_what_the_baselines_are_made_of_can_be_searched():
    """The clock and the layouts were pinned: no search could find what was shipped."""
    searched = SPACE.searched()
    assert {"time_input", "eval_layouts", "target_species"} <= set(searched)
    for name in ("neat_baseline", "pure_baseline", "hybrid_baseline"):
        for parameter, value in configs.load(name, EVOLUTION).parameters.items():
            if parameter in searched:
                assert searched[parameter].check(value) == value


def test_the_three_modes_have_equal_means():
    baselines = [configs.load(f"{mode}_baseline", EVOLUTION) for mode in ("pure", "hybrid", "neat")]
    resolved = [baseline.resolve(SPACE) for baseline in baselines]
    assert len({c.population_size * c.eval_layouts * b.budget
                for c, b in zip(resolved, baselines, strict=True)}) == 1  # fmt: skip
    clocks = {c["time_encoding" if c.neural_mode == "hybrid" else "time_input"] for c in resolved}
    assert clocks == {"cyclic"}


def test_modes_are_read_and_a_wrong_one_is_refused():
    assert modes_of("pure, hybrid") == ("pure", "hybrid")
    assert modes_of(None) == ()
    with pytest.raises(SpaceError, match="'pur' is not one of pure, hybrid, neat"):
        modes_of("pur")


def nas(*arguments):
    return run_app(app, [str(argument) for argument in arguments], name="nas")


@pytest.mark.slow
def test_two_modes_are_one_study_with_one_best(tmp_path, capsys):
    arguments = ["--study-name", "fixed-arch", "--mode", "pure,hybrid", "--n-trials", "4", *TINY]
    assert nas("search", *arguments, "--results", tmp_path) == 0
    store = look_store(tmp_path)
    assert store.names() == ["fixed-arch"]
    row = store.study("fixed-arch")
    definition = Definition.from_json(row.definition)
    assert definition.searched["neural_mode"]["options"] == ["pure", "hybrid"]
    trials = store.trials(row.key)
    assert {trial.parameters["neural_mode"] for trial in trials} <= {"pure", "hybrid"}
    assert Study.look(EVOLUTION, "fixed-arch", store=store).differences == ()
    assert nas("search", *arguments, "--results", tmp_path) == 0  # the study goes on
    capsys.readouterr()
    assert nas("best", "--study-name", "fixed-arch", "--results", tmp_path) == 0
    assert "trial" in capsys.readouterr().out


# --- The guide's lines ---------------------------------------------------------------------------


def follower(trials=100):
    """A progress that prints to text, as into a pipe."""
    out, text = Output(), io.StringIO()
    out.console = Console(file=text, width=240, highlight=False, soft_wrap=True)
    return TrialProgress(out, trials=trials, start=SPACE.resolve()), text


def job(number, **given):
    return Job(
        workload=EVOLUTION,
        config=SPACE.resolve(given),
        seed=42,
        budget=100,
        folder=Path(f"studies/s/trial_{number:04d}/seed_42"),
    )


def test_the_line_of_a_trial_is_the_guides():
    progress, _ = follower()
    mine = job(47, mutation_rate=0.32)
    assert progress.line(Reported(mine, Report(8, best=9.0))) == ""  # no fitness yet
    line = progress.line(Reported(mine, Report(44, best=400.0, fitness=342.5)))
    assert line == "[Trial 47/100] gen 45/100 | fitness: 342.5 | best: 342.5"
    trial = SimpleNamespace(
        number=3, values={"fitness": 456.2}, parameters={}, outcome="completed", reason=""
    )
    progress(Told(trial, trial))
    line = progress.line(Reported(mine, Report(45, best=400.0)))
    assert re.fullmatch(
        r"\[Trial 47/100\] gen 46/100 \| fitness: 342\.5 \| best: 456\.2 \| \S+( s)? left", line
    )


def test_a_pipe_gets_the_line_and_the_parameters_once():
    progress, text = follower()
    with progress:
        progress(Reported(job(1, mutation_rate=0.32), Report(9, fitness=5.0)))
    lines = text.getvalue().splitlines()
    assert lines[0].startswith("[Trial 1/100] gen 10/100 | fitness: 5.0 | best: 5.0")
    assert lines[1] == "Parameters: mutation_rate=0.32"


def test_the_time_left_ends_at_nothing():
    progress, _ = follower(trials=2)
    for number in (0, 1):
        mine = job(number)
        progress.line(Reported(mine, Report(99, fitness=1.0)))
        attempt = Attempt(
            folder=mine.folder, seed=42, budget=100, outcome=Outcome.COMPLETED, values={}
        )
        progress(Finished(mine, attempt))
        trial = SimpleNamespace(
            number=number, values={"fitness": 1.0}, parameters={}, outcome="completed", reason=""
        )
        progress(Told(trial, trial))
    assert progress._left_s() == 0.0
