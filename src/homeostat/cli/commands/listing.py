"""`homeostat workloads` and `homeostat space`: what there is to tune."""

from __future__ import annotations

from homeostat.cli.options import ConfigOption, JsonOption, SetOption, WorkloadArgument
from homeostat.cli.output import Output
from homeostat.cli.settings import choose


def workloads(as_json: JsonOption = False) -> None:
    """List the built-in workloads and their named configurations."""
    from homeostat.space.configs import names
    from homeostat.workload.installed import installed_workloads
    from homeostat.workload.load import find

    out = Output(as_json=as_json)
    entries = []
    for name in installed_workloads():
        workload = find(name)
        goals = ", ".join(f"{goal} {metric}" for metric, goal in workload.objectives.items())
        what, configs = workload.doc.partition("\n")[0], names(workload)
        out.line(name, style="bold")
        out.line(f"  {what}")
        out.line(f"  {goals}; {workload.budget} {workload.unit}s")
        out.line(f"  configurations: {', '.join(configs) or 'none'}")
        entries.append(
            {
                "name": name,
                "what": what,
                "objectives": dict(workload.objectives),
                "budget": workload.budget,
                "unit": workload.unit,
                "configs": configs,
            }
        )
    out.line("Your own:  homeostat tune my_file.py   or a command workload's .yaml")
    out.document(entries)


def space(
    workload: WorkloadArgument,
    config: ConfigOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every parameter: range, value, tier, when it is active, what fixes it and why."""
    chosen = choose(workload, config, settings)
    out = Output(as_json=as_json)
    rows = []
    for row in chosen.workload.space.rows():
        scale = " log" if row["log"] else ""
        rows.append(
            (row["name"], chosen.config[row["name"]], row["range"] + scale, row["tier"],
             row["when"] or "", row["why"] or row["help"])
        )  # fmt: skip
    out.table(("parameter", "value", "range", "tier", "active when", "note"), rows)
    for rule in chosen.workload.space.to_json()["rules"]:
        out.line(f"rule  {rule}")
    for sentence in chosen.config.adjustments:
        out.line(f"adjusted  {sentence}")
    out.document({**chosen.workload.space.to_json(), "config": chosen.config.to_json()})
