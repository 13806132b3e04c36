"""Training: the Lightning module, its parameter groups, its schedule, and the loop's one step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from lightning import LightningModule
from lightning.fabric import Fabric
from torch import Tensor, nn

from homeostat.workloads.visioncore.clips import Batch
from homeostat.workloads.visioncore.polar import PolarV1
from homeostat.workloads.visioncore.resnet import ResNetConvGRU

Model: TypeAlias = ResNetConvGRU | PolarV1

FLOOR = 0.01
"""The cosine ends at this part of the peak rate."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How a model of either family is trained."""

    lr: float = 1e-3
    """Peak rate of the readouts."""
    core_lr_scale: float = 1.0
    """The core's rate as a multiple of the readouts'."""
    temporal_lr_scale: float = 1.0
    """The same for the time constants."""
    weight_decay: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    warmup_steps: int = 100
    num_steps: int = 1000
    clip: float = 1.0
    """Gradients longer than this are shortened to it."""


class FreeViewing(LightningModule):
    """A model of cortex, its loss and its optimiser, for Lightning.

    Args:
        model: Either family; built whole, so that no parameter is younger than the optimiser.
        settings: Rates, decay, schedule.
        core_lr_scale: Taken instead of `settings.core_lr_scale` when given. The core's rate is
            computed once, here. The guide assigned its scale to the finished module, which
            changes nothing; `as_documented` in `build_module` does the same.
    """

    def __init__(
        self, model: Model, settings: TrainSettings, *, core_lr_scale: float | None = None
    ) -> None:
        super().__init__()
        self.model = model
        self.settings = settings
        self.core_lr_scale = settings.core_lr_scale if core_lr_scale is None else core_lr_scale
        self.core_lr = settings.lr * self.core_lr_scale

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Predicted spikes per frame for every session, shape (B, T, N)."""
        rates: dict[str, Tensor] = self.model(batch)
        return rates

    def training_step(self, batch: Batch, batch_idx: int = 0) -> Tensor:
        """The loss of one batch."""
        return poisson_loss(self.model(batch), batch)

    def configure_optimizers(self) -> Any:
        """AdamW over the groups of `parameter_groups`; the rate is set anew at every step."""
        settings = self.settings
        rates = {
            "core": self.core_lr,
            "readout": settings.lr,
            "place": settings.lr,
            "temporal": settings.lr * settings.temporal_lr_scale,
        }
        groups = [
            {
                "name": name,
                "params": parameters,
                "lr": rates[name],
                # Decay would pull places to the middle of the image and time constants to 1.
                "weight_decay": settings.weight_decay if name in ("core", "readout") else 0.0,
            }
            for name, parameters in parameter_groups(self.model).items()
            if parameters
        ]
        optimizer = torch.optim.AdamW(
            groups, betas=(settings.beta1, settings.beta2), eps=settings.eps
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: warmup_cosine(step, settings.warmup_steps, settings.num_steps)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def parameter_groups(model: Model) -> dict[str, list[nn.Parameter]]:
    """Trainable parameters by what they belong to: core, readout, place and temporal.

    By module, never by name: what a session owns (adapter, weights) is readout, where its neurons
    look is place, the time constants are temporal, and everything else is core.
    """
    readout = {id(p) for m in (model.adapters, model.weights) for p in m.parameters()}
    place = {id(p) for p in model.places.parameters()}
    temporal = {id(p) for p in model.temporal_parameters()}
    groups: dict[str, list[nn.Parameter]] = {"core": [], "readout": [], "place": [], "temporal": []}
    for parameter in model.parameters():
        if not parameter.requires_grad:
            continue
        if id(parameter) in temporal:
            groups["temporal"].append(parameter)
        elif id(parameter) in place:
            groups["place"].append(parameter)
        elif id(parameter) in readout:
            groups["readout"].append(parameter)
        else:
            groups["core"].append(parameter)
    return groups


def warmup_cosine(step: int, warmup_steps: int, num_steps: int) -> float:
    """The rate at a step as a part of its peak."""
    # 1) warm up in a straight line, from the first part and not from 0: step 0 also learns
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    # 2) fall along a cosine to the floor
    done = min(1.0, (step - warmup_steps) / max(1, num_steps - warmup_steps))
    return FLOOR + (1.0 - FLOOR) * 0.5 * (1.0 + math.cos(math.pi * done))


def poisson_loss(rates: dict[str, Tensor], batch: Batch) -> Tensor:
    """Poisson negative log likelihood for a frame of a neuron, averaged over the sessions."""
    losses = []
    for name, rates_BTN in rates.items():
        clip = batch[name]
        nll_BTN = rates_BTN - clip.spikes_BTN * torch.log(rates_BTN)
        mask_BT1 = clip.mask_BT[..., None]
        # A batch in which the eye was lost throughout teaches nothing, and must not divide by 0.
        count = mask_BT1.sum().clamp_min(1) * rates_BTN.shape[-1]
        losses.append((nll_BTN * mask_BT1).sum() / count)
    return torch.stack(losses).mean()


@dataclass(frozen=True)
class StepResult:
    """What one optimiser step saw."""

    loss: float
    grad_norm: float
    """Length of the gradient before clipping."""
    lr: dict[str, float]
    """The rate each group was stepped with."""


class Stepper:
    """One optimiser step at a time of a Lightning module, by Lightning Fabric.

    Fabric brings the device, mixed precision and clipping; the loop stays the caller's, as a
    generator of reports needs.
    """

    def __init__(self, module: FreeViewing, device: str) -> None:
        where = torch.device(device)
        self.fabric = Fabric(
            accelerator=where.type,
            devices=[where.index or 0] if where.type == "cuda" else 1,
            precision="bf16-mixed" if _has_bf16(where) else "32-true",
        )
        configured = module.configure_optimizers()
        self.module = module
        self.optimizer: torch.optim.Optimizer = configured["optimizer"]
        self.schedule = configured["lr_scheduler"]["scheduler"]
        self._module, self._optimizer = self.fabric.setup(module, self.optimizer)
        self.clip = module.settings.clip

    @property
    def device(self) -> torch.device:
        """Where batches belong."""
        return self.fabric.device

    def step(self, batches: list[Batch]) -> StepResult:
        """Step once on the mean loss of some batches (several: gradient accumulation)."""
        self.module.train()
        self._optimizer.zero_grad()
        total = 0.0
        for number, batch in enumerate(batches):
            with self.fabric.autocast():
                loss = self._module.training_step(batch, number) / len(batches)
            self.fabric.backward(loss)
            total += float(loss.detach())
        norm = self.fabric.clip_gradients(
            self._module, self._optimizer, max_norm=self.clip, error_if_nonfinite=False
        )
        rates = {group["name"]: float(group["lr"]) for group in self.optimizer.param_groups}
        self._optimizer.step()
        self.schedule.step()
        return StepResult(total, float(torch.as_tensor(norm)), rates)


def _has_bf16(device: torch.device) -> bool:
    # A processor takes bfloat16 too, at a tenth of the speed.
    return device.type == "cuda" and torch.cuda.is_bf16_supported()
