"""Adopt: what was found out about a script, written down to be edited and used in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from homeostat.errors import WorkloadError
from homeostat.record.files import write_bytes
from homeostat.script.load import plan_of
from homeostat.script.plan import ScriptPlan

_HEAD = """\
# How {name} is tuned. Edit it, and use it in the script's place:
#   homeostat tune {file}
#
# space     what is searched, and how far; a line taken out stays at the script's own default
# metric    the number to improve, by the name under which the script says it; goal: its direction
# budget    how many {unit}s a whole run makes
# seed      the option that gets each trial's seed; length: the option that says how long to train
#
{remarks}
"""


def adopt(
    script: str | Path,
    arguments: tuple[str, ...] = (),
    *,
    file: str | Path | None = None,
    force: bool = False,
) -> Path:
    """Write `train.homeostat.yaml` beside `train.py`: knobs, ranges, metric, budget, seed.

    Args:
        script: The script.
        arguments: Its own arguments, which stay as they are.
        file: Another place for what is written.
        force: Whether a file that is there is overwritten.

    Raises:
        WorkloadError: If the script cannot be used, or the file is there already.
    """
    path = Path(script)
    target = Path(file) if file is not None else path.with_name(f"{path.stem}.homeostat.yaml")
    if target.exists() and not force:
        raise WorkloadError(
            f"{target} is there already.", hint=f"Use it:  homeostat tune {target}, or add --force."
        )
    plan = plan_of(path, arguments)
    write_bytes(target, as_yaml(plan, target).encode())
    return target


def as_yaml(plan: ScriptPlan, target: Path) -> str:
    """A plan as the text of its file."""
    content = plan.to_json()
    content["script"] = _from(target.resolve().parent, plan.path)
    del (
        content["remarks"],
        content["start_s"],
        content["step_s"],
        content["imports"],
        content["asked"],
    )
    head = _HEAD.format(
        name=plan.path.name,
        file=target,
        unit=plan.unit,
        remarks="\n".join(f"# {remark}" for remark in plan.remarks),
    )
    return head + yaml.dump(content, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)


def _from(folder: Path, path: Path) -> str:
    """A script's path as seen from the folder of its file."""
    return str(path.relative_to(folder)) if folder in path.parents else str(path)


class _Plain(yaml.SafeDumper):
    """Ranges and options on a line each, and numbers as they are read back."""


def _mapping(dumper: _Plain, content: dict[str, Any]) -> yaml.Node:
    flat = all(not isinstance(value, dict) for value in content.values())
    return dumper.represent_mapping(
        "tag:yaml.org,2002:map", content.items(), flow_style=flat and len(content) < 14
    )


def _float(dumper: _Plain, value: float) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:float", repr(value))


_Plain.add_representer(dict, _mapping)
_Plain.add_representer(float, _float)
