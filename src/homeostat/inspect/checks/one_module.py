"""One module: a layer that stands under several names is one layer, with one set of weights."""

from __future__ import annotations

from typing import Any

from torch import nn

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found
from homeostat.wording import some

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def check(bench: ShortRuns) -> Checks:
    found = Found("shared layers")
    looked = False
    for root in bench.anatomy.models.values():
        for path, container in root.named_modules():
            if not isinstance(container, CONTAINERS):
                continue
            looked = True
            for names in _repeated(container):
                full = [f"{path}.{name}" if path else name for name in names]
                yield found.warning(
                    f"{some(full)} are one module under several names: they share one set of "
                    f"weights, so the {len(full)} layers are one layer applied {len(full)} times.",
                    "Make each anew, such as in [Layer() for _ in range(n)], or with "
                    "copy.deepcopy, unless sharing is meant.",
                    names=full,
                )
    if looked:
        yield found.ok("The layers of each list are modules of their own.")


def _repeated(container: Any) -> list[list[str]]:
    places: dict[int, list[str]] = {}
    for name, module in container._modules.items():
        if module is not None and next(module.parameters(), None) is not None:
            places.setdefault(id(module), []).append(name)
    return [names for names in places.values() if len(names) > 1]
