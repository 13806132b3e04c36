"""The command `nas`: the Evolution Lab's own words for running, comparing and searching evolution.

It is the command `homeostat` preset to the evolution workload. Any parameter can be set on the
line: `--neat-add-node-rate 0.3` sets neat_add_node_rate.
"""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from homeostat.cli.main import run_app
from homeostat.cli.output import Output
from homeostat.errors import HomeostatError, SpaceError, UnknownNameError, did_you_mean

app = typer.Typer(
    name="nas",
    help="Evolve creatures, compare configurations, search for better ones. Every parameter of "
    "the evolution workload is an option too: --population-size 200 (see: nas configs --all).",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_OPTIONS = ("config", "generations", "seeds", "study_name", "mode", "n_trials", "resume", "results")
_FREE = {"allow_extra_args": True, "ignore_unknown_options": True}

ResultsOption = Annotated[Path, typer.Option("--results", help="Where results are kept.")]
ConfigOption = Annotated[
    str | None, typer.Option("--config", "-c", help="A named configuration or a YAML file.")
]
GenerationsOption = Annotated[
    int | None, typer.Option("--generations", "-g", min=1, help="How many generations.")
]
StudyOption = Annotated[str, typer.Option("--study-name", help="The study's name.")]
ModeOption = Annotated[
    str | None, typer.Option("--mode", help="pure, hybrid, neat, or several: pure,hybrid.")
]

FOCUS: dict[str, tuple[str, ...]] = {
    "fixed-arch": ("neural_hidden_size", "neural_activation", "mutation_rate"),
    "neat-explore": (
        "neat_initial_connectivity",
        "neat_add_connection_rate",
        "neat_add_node_rate",
        "compatibility_threshold",
    ),
    "full-compare": ("neural_mode", "mutation_rate", "population_size"),
}
"""The guide's three strategies: what each study varies. (The guide also lists
simulation_duration, which it declares constant elsewhere; and time_encoding, which only hybrid
brains have, is added for them.)"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    sys.exit(run_app(app, arguments, name="nas"))


def inline_settings(arguments: Sequence[str]) -> list[str]:
    """Turn `--neat-add-node-rate 0.3` into `neat_add_node_rate=0.3`.

    Raises:
        UnknownNameError: If an option is neither of the command nor a parameter.
        SpaceError: If an option has no value.
    """
    space = _workload().space
    settings, rest = [], list(arguments)
    while rest:
        option = rest.pop(0)
        text, equals, value = option.removeprefix("--").partition("=")
        name = text.replace("-", "_")
        if not option.startswith("--") or name not in space:
            guess = did_you_mean(name, [*space, *_OPTIONS])
            hint = guess if guess.startswith("Did") else "See:  nas configs --all"
            raise UnknownNameError(f"No option or parameter {option!r}.", hint=hint)
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise SpaceError(f"{option} needs a value: {option} VALUE.")
            value = rest.pop(0)
        settings.append(f"{name}={value}")
    return settings


@app.command(context_settings=_FREE)
def run(
    context: typer.Context,
    config: ConfigOption = None,
    generations: GenerationsOption = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", "-s", min=1, help="How many: 42, 123, 456, 789, 1337.")
    ] = None,
    study_name: Annotated[
        str | None, typer.Option("--study-name", help="Search instead: fixed-arch, ...")
    ] = None,
    mode: ModeOption = None,
    trials: Annotated[int, typer.Option("--n-trials", min=1, help="Of a search.")] = 50,
    take_up: Annotated[
        Path | None, typer.Option("--resume", help="Go on with this run, stopped or killed.")
    ] = None,
    results: ResultsOption = Path("results"),
) -> None:
    """Evolve one configuration, all seeds at once; or, with --study-name, search."""
    from homeostat.cli.settings import choose
    from homeostat.record.seeds import first
    from homeostat.workloads.evolution import runs

    if study_name is not None:
        _search(study_name, trials, mode, results, inline_settings(context.args), config)
        return
    out = Output()
    if take_up is not None:
        evolving, name = runs.resume(_workload(), take_up), str(take_up)
        out.line(f"Going on after generation {evolving.done} of {evolving.budget}.")
    else:
        settings = inline_settings(context.args)
        if mode is not None:
            settings.append(f"neural_mode={mode}")
        chosen = choose(
            "evolution", config, settings, budget=generations, seeds=seeds, default_seeds=3
        )
        name = chosen.name if config is not None else "inline"
        for sentence in chosen.config.adjustments:
            out.line(f"adjusted  {sentence}")
        evolving = runs.start(
            _workload(),
            chosen.config,
            name=name,
            seeds=first(chosen.seeds),
            generations=chosen.budget,
            results=results,
        )
    _evolve(out, evolving)


def _evolve(out: Output, evolving: Any) -> None:
    """Drive a run to its end with the guide's lines."""
    _tell_about_compiling(out)
    count, budget = len(evolving.seeds), evolving.budget
    every = max(1, budget // 4)
    try:
        for step in evolving.evolve():
            if step.generation % every == 0 or step.generation == budget:
                out.line(
                    f"[seed {step.seed + 1}/{count}] gen {step.generation}/{budget} | "
                    f"best: {step.best:.1f} | avg: {step.average:.1f} | "
                    f"{step.generation_s:.1f}s/gen"
                )
    except KeyboardInterrupt:
        evolving.stop()
        out.line(
            f"Stopped after generation {evolving.done}. Go on:  nas run --resume {evolving.folder}"
        )
        raise typer.Exit(130) from None
    _conclude(out, evolving)


def _tell_about_compiling(out: Output) -> None:
    from homeostat.workloads.evolution.compiled import is_compiled
    from homeostat.workloads.evolution.kernel import run_tasks

    if not is_compiled(run_tasks):
        out.line("Compiling the simulator for this machine, once (half a minute or so).")


def _conclude(out: Output, evolving: Any) -> None:
    from homeostat.workloads.evolution.runs import UNSTABLE

    document = evolving.document("completed")
    final, seen = document["final"]["fitness"], document["final"]["fitness_in_sample"]
    minutes, seconds = divmod(round(document["timing"]["elapsed_s"]), 60)
    out.line(
        f"Config: {document['config_name']} | Seeds: {len(evolving.seeds)} | "
        f"Final: {final['mean']:.1f} ± {final['std']:.1f} | Time: {minutes}m{seconds:02d}s"
    )
    pellets = document["final"]["pellets"]
    layouts = evolving.config.held_out_layouts
    out.line(
        f"Final is the top five on {layouts} held-out layouts; on the layouts they were selected "
        f"on they score {seen['mean']:.1f} ± {seen['std']:.1f}. The best of a seed collects "
        f"{pellets['mean']:.2f} pellets a held-out layout, the best of all {pellets['max']:.2f}."
    )
    if len(evolving.seeds) > 1 and final["std"] > UNSTABLE * final["mean"]:
        out.line(
            f"Unstable: the spread over seeds is {final['std'] / final['mean']:.0%} of the mean."
        )
    out.line(f"Kept in {evolving.json_path}")
    out.line(f"See it:  nas replay --run {evolving.folder}")


@app.command()
def compare(
    names: Annotated[list[str], typer.Argument(help="Configurations that have been run.")],
    results: ResultsOption = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Compare the latest results of configurations, best first."""
    from homeostat.workloads.evolution.compared import comparison

    out = Output(as_json=as_json)
    rows = comparison(names, results)
    out.table(
        ("config", "seeds", "final", "in-sample", "pellets", "diversity", "beats next", "note"),
        [
            (
                row["config"],
                row["seeds"],
                f"{row['fitness']['mean']:.1f} ± {row['fitness']['std']:.1f}",
                f"{row['fitness_in_sample']['mean']:.1f}",
                round(row["pellets"]["mean"], 2),
                row["diversity"]["mean"],
                "-" if row["beats_next"] is None else f"{row['beats_next']:.0%}",
                row["note"],
            )
            for row in rows
        ],
    )
    out.document(rows)


@app.command()
def configs(
    everything: Annotated[
        bool, typer.Option("--all", help="Also every parameter, its range and default.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List the named configurations."""
    from homeostat.space.configs import load, names

    workload, out = _workload(), Output(as_json=as_json)
    rows = [load(name, workload) for name in names(workload)]
    out.table(("config", "what it is"), [(row.name, row.description) for row in rows])
    if everything:
        out.heading("parameters")
        out.table(
            ("option", "range", "default", "tier", "why it is constant"),
            [
                (
                    "--" + row["name"].replace("_", "-"),
                    row["range"],
                    row["default"],
                    row["tier"],
                    row["why"],
                )
                for row in workload.space.rows()
            ],
        )
    out.document([{"name": r.name, "description": r.description} for r in rows])


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A configuration, or a results file or folder.")],
    results: ResultsOption = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show what a configuration sets and what it last scored."""
    from homeostat.space.configs import load
    from homeostat.workloads.evolution.compared import latest, read

    out = Output(as_json=as_json)
    path, found = Path(name), None
    if path.exists() or path.with_suffix(".json").exists():
        found = read(path if path.suffix == ".json" else path.with_suffix(".json"))
        parameters = found["given"]
    else:
        named = load(name, _workload())
        parameters, found = dict(named.parameters), latest(name, results)
        out.line(f"{named.name}: {named.description}")
    out.table(("parameter", "value"), sorted(parameters.items()))
    if found is None:
        out.line(f"Not run yet. Run it:  nas run --config {name}")
    else:
        out.heading(f"{found['run']}: {found['status']}")
        out.table(
            ("metric", "mean", "s.d.", "min", "max"),
            [
                (metric, final["mean"], final["std"], final["min"], final["max"])
                for metric, final in found["final"].items()
            ],
        )
    out.document({"parameters": parameters, "results": found})


@app.command(context_settings=_FREE)
def replay(
    context: typer.Context,
    config: ConfigOption = None,
    generations: GenerationsOption = None,
    folder: Annotated[
        Path | None, typer.Option("--run", help="A finished run, in place of a new one.")
    ] = None,
    results: ResultsOption = Path("results"),
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Play it in the browser.")
    ] = True,
) -> None:
    """Film the creatures of a run and play them: bodies, networks, fitness, the winner's way."""
    from homeostat.cli.settings import choose
    from homeostat.web.replay import write_page
    from homeostat.workloads.evolution import replays

    out = Output()
    _tell_about_compiling(out)
    if folder is not None:
        written = replays.replay_run(_workload(), folder)
    else:
        chosen = choose(
            "evolution", config, inline_settings(context.args), budget=generations, seeds=1
        )
        written = replays.replay_config(
            chosen.config, chosen.name, generations=chosen.budget, results=results
        )
    page = write_page(written)
    for path in sorted(written.iterdir()):
        out.line(f"{path}  ({path.stat().st_size / 1e6:.1f} MB)")
    if open_page and sys.stdout.isatty():
        webbrowser.open(page.resolve().as_uri())


@app.command(context_settings=_FREE)
def benchmark(
    context: typer.Context,
    config: ConfigOption = None,
    population: Annotated[
        int | None, typer.Option("--population", "-p", min=100, help="How many creatures.")
    ] = None,
    generations: Annotated[int, typer.Option("--generations", "-g", min=1)] = 10,
    device: Annotated[str, typer.Option("--device", "-d", help="cpu.")] = "cpu",
) -> None:
    """Measure creatures a second, beside the guide's own table."""
    from homeostat.cli.settings import choose
    from homeostat.workloads.evolution.speed import GUIDE, measure

    if device != "cpu":
        raise HomeostatError(
            f"nas benchmark runs on cpu, not on {device!r}: two cores outrun a graphics card "
            "below some 20,000 creatures.",
            hint="Leave --device out.",
        )
    out = Output()
    settings = inline_settings(context.args)
    if config is not None or population is not None or settings:
        more = [f"population_size={population}"] if population else []
        chosen = choose("evolution", config, [*settings, *more])
        out.table(*measure([(chosen.name, chosen.config)], generations))
        return
    space = _workload().space
    cases = [
        (mode, space.resolve({"neural_mode": mode, "population_size": size}))
        for mode, size in GUIDE
    ]
    out.table(*measure(cases, generations))


@app.command(context_settings=_FREE)
def search(
    context: typer.Context,
    study_name: StudyOption,
    trials: Annotated[int, typer.Option("--n-trials", min=1, help="How many altogether.")] = 50,
    mode: ModeOption = None,
    config: ConfigOption = None,
    results: ResultsOption = Path("results"),
) -> None:
    """Search for better parameters; the study goes on if it exists."""
    _search(study_name, trials, mode, results, inline_settings(context.args), config)


@app.command()
def status(
    study_name: Annotated[str | None, typer.Option("--study-name")] = None,
    results: ResultsOption = Path("results"),
) -> None:
    """Show where studies stand."""
    from homeostat.cli.commands.study import status as homeostat_status

    homeostat_status(study=study_name, results=str(results))


@app.command()
def best(
    study_name: StudyOption,
    top: Annotated[int, typer.Option("--n-top", min=1, help="How many.")] = 5,
    results: ResultsOption = Path("results"),
) -> None:
    """Show a study's best trials, and the command that reruns each."""
    from homeostat.cli.commands.study import best as homeostat_best

    homeostat_best(study=study_name, top=top, results=str(results))


def _search(
    study: str,
    trials: int,
    mode: str | None,
    results: Path,
    settings: list[str],
    config: str | None,
) -> None:
    """A search in each of the modes, or over what the study's strategy varies."""
    from homeostat.cli.engine import cores
    from homeostat.cli.progress import PlanProgress
    from homeostat.cli.settings import choose
    from homeostat.search.search import search as run_search

    modes = mode.split(",") if mode else [None]
    out = Output()
    for wanted in modes:
        chosen = choose("evolution", config, settings)
        pins = {name: chosen.overrides[name] for name in chosen.typed}
        names = FOCUS.get(study)
        if wanted is not None:
            pins["neural_mode"] = wanted
            chosen.workload.space.resolve(pins)
        if names is not None and wanted == "hybrid":
            names = (*names, "time_encoding")
        label = f"{study}-{wanted}" if len(modes) > 1 else study
        with PlanProgress(out) as progress:
            result = run_search(
                chosen.workload,
                trials,
                study=label,
                results=results,
                names=names,
                start={k: v for k, v in chosen.overrides.items() if k not in pins} or None,
                pins=pins or None,
                engine="local",
                jobs=cores(),
                on_event=progress,
            )
        if result.best is not None:
            out.line(
                f"{label}: best {result.best.value:.1f}.  See:  "
                f"nas best --study-name {label} --results {results}"
            )
            out.checks(result.checklist)


def _workload() -> Any:
    from homeostat.workload.load import find

    return find("evolution")
