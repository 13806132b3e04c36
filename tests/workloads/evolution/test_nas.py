"""The command `nas`: the guide's lines and files, inline parameters, stopping and going on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from homeostat.cli.main import run_app
from homeostat.errors import RecordError, SpaceError, UnknownNameError
from homeostat.record.runs import read_run
from homeostat.space import configs
from homeostat.workload.load import find
from homeostat.workloads.evolution import runs
from homeostat.workloads.evolution.compared import (
    chance_of_improvement,
    comparison,
    latest,
    read,
    unlike,
)
from homeostat.workloads.evolution.nas import app, inline_settings
from homeostat.workloads.evolution.space import SPACE

EVOLUTION = find("evolution")
QUICK = ["--simulation-duration", "2", "--held-out-layouts", "4", "--population-size", "100"]
SETTINGS = {"simulation_duration": 2.0, "held_out_layouts": 4, "population_size": 100}


def nas(*arguments):
    return run_app(app, [str(argument) for argument in arguments], name="nas")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of two seeds, and what was printed."""
    results = tmp_path_factory.mktemp("results")
    config = SPACE.resolve(SETTINGS)
    run = runs.start(
        EVOLUTION, config, name="quick", seeds=(42, 123), generations=6, results=results
    )
    list(run.evolve())
    return run


def test_run_prints_and_writes_what_the_guide_shows(tmp_path, capsys):
    arguments = ["--config", "neat_baseline", "--generations", "8", "--seeds", "2", *QUICK]
    assert nas("run", *arguments, "--results", tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    progress = re.compile(
        r"^\[seed [12]/2\] gen \d+/8 \| best: \d+\.\d \| avg: \d+\.\d \| \d+\.\ds/gen"
        r" \| species: \d+$"
    )
    assert sum(bool(progress.match(line)) for line in lines) == 8
    final = re.compile(
        r"^Config: neat_baseline \| Seeds: 2 \| Final: \d+\.\d ± \d+\.\d \| Time: \d+m\d\ds$"
    )
    assert sum(bool(final.match(line)) for line in lines) == 1
    assert any("held-out layouts; on the layouts they were selected on" in line for line in lines)
    [path] = tmp_path.glob("*.json")
    assert re.match(r"neat_baseline_\d{8}_\d{6}\.json$", path.name)
    document = json.loads(path.read_text())
    assert document["status"] == "completed"
    assert [seed["seed"] for seed in document["per_seed"]] == [42, 123]
    assert [row[0] for row in document["per_seed"][0]["curve"]] == list(range(1, 9))
    assert document["adjustments"][0].startswith("selection_method: rank -> speciation")
    assert document["timing"]["elapsed_s"] > 0


def test_a_run_ends_with_what_its_curves_show(tmp_path, capsys):
    arguments = ["-g", "8", "-s", "1", *QUICK, "--report-every", "1", "--target-species", "0"]
    more = ["--compatibility-threshold", "3.0"]
    assert nas("run", *arguments, *more, "--results", tmp_path) == 0
    text = capsys.readouterr().out
    assert "everybody is one species: one species at a threshold of 3" in text
    assert "   change: target_species=10" in text


def test_inline_options_set_parameters():
    settings = inline_settings(["--neat-add-node-rate", "0.3", "--population-size=200"])
    assert settings == ["neat_add_node_rate=0.3", "population_size=200"]
    with pytest.raises(UnknownNameError, match="mutation-rat") as error:
        inline_settings(["--mutation-rat", "0.3"])
    assert "mutation_rate" in error.value.hint
    with pytest.raises(SpaceError, match="needs a value"):
        inline_settings(["--mutation-rate", "--elite-count", "3"])


def test_bad_options_are_one_line(capsys):
    assert nas("run", "--mutation-rate", "9") == 1
    assert nas("run", "--config", "neat_baselin") == 1
    error = capsys.readouterr().err
    assert "mutation_rate" in error
    assert "neat_baseline" in error
    assert "Traceback" not in error


def test_a_run_is_also_a_run_of_the_house(finished):
    record = read_run(finished.folder)
    assert record.outcome.value == "completed"
    assert list(record.values("fitness").values()) == finished.final("fitness")
    rows = record.attempts[0].curves.rows
    assert len(rows) == 6
    assert "best" in dict(rows[0][1])


def test_both_in_sample_and_held_out_fitness_are_kept(finished):
    document = read(finished.json_path)
    assert {"fitness", "fitness_in_sample", "pellets", "diversity"} <= document["final"].keys()
    truth = document["per_seed"][0]["held_out"][-1]
    assert truth["generation"] == 6
    assert 1 <= truth["diversity"] <= 100


def test_the_results_file_has_the_best_creature_and_how_fast_it_came(finished):
    document = read(finished.json_path)
    for seed in document["per_seed"]:
        best = [row[1] for row in seed["curve"]]
        assert seed["best_fitness"] == max(best)
        reached = seed["generations_to_plateau"]
        assert best[reached - 1] >= 0.95 * max(best) > max([0.0, *best[: reached - 1]])
    genome = document["best_genome"]
    nodes, muscles = len(genome["nodes"]), len(genome["muscles"])
    assert genome["seed"] in (42, 123)
    assert all(0 <= end < nodes for muscle in genome["muscles"] for end in muscle["ends"])
    outputs = {f"muscle {m}" for m in range(muscles)} | {
        f"hidden {h}" for h in range(genome["hidden"])
    }
    assert {link["to"] for link in genome["network"]} <= outputs
    assert genome["fitness_held_out"] >= max(
        seed["held_out"][-1]["fitness"] for seed in document["per_seed"]
    )  # the best one is no worse than the mean of the top five


def test_a_run_killed_at_any_generation_goes_on_as_if_nothing_had_happened(finished, tmp_path):
    """The original rewrote its file in place every tenth generation: a crash lost everything."""
    config = SPACE.resolve(SETTINGS)
    run = runs.start(
        EVOLUTION, config, name="quick", seeds=(42, 123), generations=6, results=tmp_path
    )
    for progress in run.evolve():
        document = json.loads(run.json_path.read_text())  # whole at every moment
        assert len(document["per_seed"][1]["curve"]) == progress.generation
        if progress.generation == 4:
            break
    # A crash: nothing is closed or told. Only this process still lives; so the record is aged.
    run.stop()
    resumed = runs.resume(EVOLUTION, run.folder)
    assert resumed.done == 4
    list(resumed.evolve())
    before, after = finished.document("completed"), resumed.document("completed")
    assert before["per_seed"] == after["per_seed"]
    assert before["final"] == after["final"]
    with pytest.raises(RecordError, match="complete"):
        runs.resume(EVOLUTION, run.folder)


@pytest.mark.slow
def test_a_run_killed_by_the_system_loses_at_most_one_generation(tmp_path):
    code = "from homeostat.workloads.evolution.nas import main; main()"
    arguments = ["run", "-g", "400", "-s", "2", *QUICK, "--results", str(tmp_path)]
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL)
    seen = 0
    deadline = time.time() + 200
    while seen < 5 and time.time() < deadline:
        time.sleep(0.2)
        for path in tmp_path.glob("*.json"):
            seen = json.loads(path.read_text())["timing"]["generations_done"]
    process.send_signal(signal.SIGKILL)
    process.wait()
    [path] = tmp_path.glob("*.json")
    told = json.loads(path.read_text())["timing"]["generations_done"]
    resumed = runs.resume(EVOLUTION, path.with_suffix(""))
    assert told - 1 <= resumed.done <= told


def test_compare_ranks_by_held_out_fitness(finished, capsys):
    assert nas("compare", "quick", "--results", finished.folder.parent) == 0
    assert "quick" in capsys.readouterr().out
    assert nas("compare", "quick", "missing", "--results", finished.folder.parent) == 1
    assert "nas run --config missing" in capsys.readouterr().err
    assert chance_of_improvement([3, 4], [1, 3]) == pytest.approx(3.5 / 4)


def test_a_comparison_says_what_is_unequal(finished, tmp_path):
    document = read(finished.json_path)
    one = {**document, "config_name": "one", "per_seed": document["per_seed"][:1]}
    one["config"] = {**document["config"], "population_size": 200}
    stopped = {**document, "config_name": "stopped", "status": "interrupted"}
    for name, content in (("one", one), ("stopped", stopped), ("quick", document)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    rows = comparison(["one", "quick", "stopped"], tmp_path)
    for row in rows[:-1]:
        below = rows[rows.index(row) + 1]
        assert (row["beats_next"] is None) == (1 in (row["seeds"], below["seeds"]))
    told = " ".join(unlike(rows))
    assert "stopped is interrupted: its figures are of generation 6." in told
    assert "one 1,200 evaluations a seed, " in told
    assert "One seed says little (one)" in told
    assert unlike(comparison(["quick"], tmp_path)) == []


def test_show_and_configs_tell_what_there_is(finished, capsys):
    assert nas("configs") == 0
    assert "neat_proprio" in capsys.readouterr().out
    assert nas("show", "neat_baseline", "--results", finished.folder.parent) == 0
    assert "neural_mode" in capsys.readouterr().out
    assert nas("show", finished.json_path) == 0
    assert "fitness_in_sample" in capsys.readouterr().out
    assert latest("quick", finished.folder.parent)["run"] == finished.name


@pytest.mark.slow
def test_replay_films_the_winners_of_a_run(finished):
    assert nas("replay", "--run", finished.folder) == 0
    [folder] = finished.folder.glob("seed_*/artifacts/replay")
    best = max(finished.seeds, key=lambda seed: seed.held_out[-1]["fitness"])
    assert folder.parts[-3] == f"seed_{best.number}"
    genomes = json.loads((folder / "replay.json").read_text())
    assert genomes["frames_per_s"] == 15
    with np.load(folder / "replay.npz", allow_pickle=False) as film:
        assert film["nodes"].shape == (len(genomes["creatures"]), 30, 10, 3)
        assert film["activations"].shape[0] == 30
        assert np.isfinite(film["nodes"]).all()
        first = film["nodes"][0, 0, : len(genomes["creatures"][0]["nodes"])]
    places = [node["place"] for node in genomes["creatures"][0]["nodes"]]
    assert np.allclose(first, places)
    elites = [creature for creature in genomes["creatures"] if "cell" in creature]
    assert len(elites) == len(genomes["creatures"]) - 25 > 0
    assert genomes["ancestors"][0] == genomes["creatures"][0]["name"]
    assert 0 <= genomes["ancestors"][-1] < 100  # back to the first generation
    assert (folder / "track.png").stat().st_size > 5_000


def test_a_replay_shows_what_was_scored(finished):
    """The recorder and the lanes are two programs; the film ends with the lanes' own score."""
    from homeostat.workloads.evolution import scores
    from homeostat.workloads.evolution.chance import HELD_OUT, key_at, key_of
    from homeostat.workloads.evolution.replay import film_of
    from homeostat.workloads.evolution.simulate import evaluate

    lab = finished.seeds[0].lab
    creatures, key = lab.creatures(lab.top(3)), key_of(HELD_OUT, 0)
    scored = evaluate(creatures, np.full(3, key), 4, lab.world)
    _, score = film_of(creatures, 1, np.uint64(key_at(key, 2)), lab.world)
    assert np.array_equal(scored[1, 2], score)
    assert score[scores.REASON] == 0


def test_every_named_configuration_resolves():
    names = configs.names(EVOLUTION)
    assert {"screening", "full", "neat_winner", "select_rank", "pop_large"} <= set(names)
    for name in names:
        configs.load(name, EVOLUTION).resolve(SPACE)
    assert configs.load("full", EVOLUTION).seeds == 5
    assert configs.load("screening", EVOLUTION).budget == 20


def test_enforcement_is_told():
    config = SPACE.resolve({"neural_mode": "neat", "selection_method": "rank"})
    assert config.selection_method == "speciation"
    assert "speciation" in config.adjustments[0]


def test_benchmark_prints_the_guides_table(capsys):
    arguments = ["-g", "2", "--simulation-duration", "2", "-p", "100", "--neural-mode", "pure"]
    assert nas("benchmark", *arguments) == 0
    assert "evaluations/s" in capsys.readouterr().out
    assert nas("benchmark", "-d", "cuda") == 1


def test_the_workload_runs_and_resumes_in_the_house(tmp_path):
    import homeostat

    record = homeostat.run(
        "evolution", SETTINGS, seeds=[42], budget=6, results=tmp_path, snapshot_s=0.0
    )
    assert record.outcome.value == "completed"
    assert (record.attempts[0].folder / "artifacts" / "winners.npz").exists()
    assert record.values("diversity")[42] >= 1.0


def test_the_house_and_nas_evolve_the_same(finished, tmp_path):
    import homeostat

    record = homeostat.run("evolution", SETTINGS, seeds=[42, 123], budget=6, results=tmp_path)
    assert list(record.values("fitness").values()) == finished.final("fitness")


def test_results_paths_are_paths(finished):
    assert isinstance(finished.json_path, Path)
    assert not (finished.folder / runs.STATE).exists()
