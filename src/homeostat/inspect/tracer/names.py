"""Names: what to call a module or a weight in a sentence."""

from __future__ import annotations

import re
from typing import Any

from homeostat.inspect.tracer.tensors import loose_tensors

_AUTOMATIC = re.compile(r"^\d+_")


class Names:
    """Dotted paths as PyTorch writes them; the model's label in front when there are several."""

    def __init__(self) -> None:
        self._models: dict[str, Any] = {}
        self._modules: dict[int, tuple[str, str]] = {}
        self._weights: dict[int, tuple[str, str]] = {}
        self._kept: list[Any] = []

    def add(self, label: str, model: Any) -> None:
        label = _AUTOMATIC.sub("", label)
        self._models[label] = model
        for path, module in model.named_modules():
            self._modules.setdefault(id(module), (label, path))
            self._kept.append(module)
        for path, weight in model.named_parameters():
            self._weights.setdefault(id(weight), (label, path))
        for path, tensor in loose_tensors(model):
            self._weights.setdefault(id(tensor), (label, path))

    def knows(self, module: Any) -> bool:
        return id(module) in self._modules

    def module(self, module: Any) -> str:
        if id(module) not in self._modules:
            for label, model in list(self._models.items()):  # it may have been added since
                self.add(label, model)
        if id(module) not in self._modules:
            return f"{type(module).__name__}({_size(module)})"
        return self._join(*self._modules[id(module)])

    def weight(
        self, tensor: Any, known: dict[int, Any], places: list[tuple[int, int]] | None = None
    ) -> str:
        if id(tensor) in self._weights:
            return self._join(*self._weights[id(tensor)])
        found = known.get(id(tensor))
        if found is not None and found.owner is not None:
            own = [n for n, p in found.owner._parameters.items() if p is tensor]
            return f"{self.module(found.owner)}.{own[0] if own else 'weight'}"
        shape = "x".join(map(str, tensor.shape)) or "1"
        where = f" of group {places[0][1]}" if places else ""
        return f"a tensor of shape {shape}{where}"

    def _join(self, label: str, path: str) -> str:
        if not path:
            return label
        return path if len(self._models) == 1 else f"{label}.{path}"


def _size(module: Any) -> str:
    for ends in (("in_features", "out_features"), ("in_channels", "out_channels")):
        if hasattr(module, ends[0]):
            return f"{getattr(module, ends[0])} to {getattr(module, ends[1])}"
    return ""
