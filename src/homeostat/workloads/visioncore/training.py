"""Training: the Lightning module, its parameter groups, its schedule, and the loop's one step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import torch
from lightning import LightningModule
from lightning.fabric import Fabric
from torch import Tensor, nn

from homeostat.workloads.visioncore.clips import Batch
from homeostat.workloads.visioncore.polar import PolarSettings, PolarV1
from homeostat.workloads.visioncore.resnet import ResNetConvGRU, ResNetSettings

Model: TypeAlias = ResNetConvGRU | PolarV1

FLOOR = 0.01
"""The cosine ends at this part of the peak rate."""


@dataclass(frozen=True, kw_only=True)
class VisionTrainSettings:
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

    Any Trainer fits it, with a `SessionData` or loaders of your own; what it logs (train_loss,
    val_loss, val_bits_per_spike, the time constants) is what loggers and callbacks see, and
    `FreeViewing.load_from_checkpoint(path)` gives it back with nothing else to hand.

    Args:
        model: Either family; built whole, so that no parameter is younger than the optimiser. Or
            its plan, as a checkpoint keeps it.
        settings: Rates, decay, schedule.
        core_lr_scale: Taken instead of `settings.core_lr_scale` when given. The core's rate is
            computed once, here. The guide assigned its scale to the finished module, which
            changes nothing; `as_documented` in `build_module` does the same.
        null_rates: Session -> each neuron's mean spikes per frame in training, from which bits per
            spike are counted; without it they are not logged.
    """

    def __init__(
        self,
        model: Model | Mapping[str, Any],
        settings: VisionTrainSettings | Mapping[str, Any],
        *,
        core_lr_scale: float | None = None,
        null_rates: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        super().__init__()
        self.model = rebuilt(model) if isinstance(model, Mapping) else model
        if isinstance(settings, Mapping):
            settings = VisionTrainSettings(**settings)
        self.settings = settings
        self.core_lr_scale = settings.core_lr_scale if core_lr_scale is None else core_lr_scale
        self.core_lr = settings.lr * self.core_lr_scale
        self.null_rates = {name: list(rates) for name, rates in (null_rates or {}).items()}
        self.save_hyperparameters(
            {
                "model": self.model.plan,
                "settings": asdict(settings),
                "core_lr_scale": core_lr_scale,
                "null_rates": self.null_rates,
            }
        )
        self._seen: dict[str, list[Tensor]] = {}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Predicted spikes per frame for every session, shape (B, T, N)."""
        rates: dict[str, Tensor] = self.model(batch)
        return rates

    def training_step(self, batch: Batch, batch_idx: int = 0) -> Tensor:
        """The loss of one batch."""
        loss = poisson_loss(self.model(batch), batch)
        constants = {name: float(v) for name, v in self.model.temporal_constants().items()}
        self._tell({"train_loss": loss, **constants}, batch)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int = 0) -> None:
        """The loss of one batch, and its share of the bits per spike."""
        rates = self.model(batch)
        self._tell({"val_loss": poisson_loss(rates, batch)}, batch)
        for name in rates.keys() & self.null_rates.keys():
            clip, rates_BTN = batch[name], rates[name].clamp_min(1e-9)
            null_N = rates_BTN.new_tensor(self.null_rates[name]).clamp_min(1e-9)
            mask_BT1 = clip.mask_BT[..., None]
            gain_BTN = clip.spikes_BTN * (rates_BTN / null_N).log() - (rates_BTN - null_N)
            sums_2N = torch.stack(
                [(gain_BTN * mask_BT1).sum((0, 1)), (clip.spikes_BTN * mask_BT1).sum((0, 1))]
            )
            self._seen.setdefault(name, []).append(sums_2N)

    def on_validation_epoch_end(self) -> None:
        """Log the mean bits per spike over all neurons with spikes, as `metrics` counts them."""
        if self._seen:
            gain_N, count_N = torch.cat(
                [torch.stack(sums).sum(0) for sums in self._seen.values()], dim=1
            )
            bits_N = gain_N[count_N > 0] / count_N[count_N > 0] / math.log(2.0)
            self.log("val_bits_per_spike", bits_N.mean(), prog_bar=True)
        self._seen = {}

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        """Log the gradient's length before it is clipped."""
        if self._trainer is not None:
            squares = [p.grad.pow(2).sum() for p in self.parameters() if p.grad is not None]
            self.log("grad_norm", torch.stack(squares).sum().sqrt())

    def transfer_batch_to_device(
        self, batch: Batch, device: torch.device, dataloader_idx: int
    ) -> Batch:
        """Clips where the model is; Lightning itself leaves frozen dataclasses where they are."""
        return {name: clip.to(device) for name, clip in batch.items()}

    def _tell(self, values: Mapping[str, Any], batch: Batch) -> None:
        # Under Fabric, as in the workload's own loop, reports are the loop's.
        if self._trainer is not None:
            size = sum(len(clip.gaze_BT2) for clip in batch.values())
            self.log_dict(dict(values), batch_size=size)

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


def rebuilt(plan: Mapping[str, Any]) -> Model:
    """The model of a plan, with fresh weights."""
    settings: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in plan["settings"].items()
    }
    if plan["family"] == "resnet":
        return ResNetConvGRU(ResNetSettings(**settings), plan["neurons"], plan["side_px"])
    return PolarV1(PolarSettings(**settings), plan["neurons"], plan["side_px"])


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
class VisionStepResult:
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

    def step(self, batches: list[Batch]) -> VisionStepResult:
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
        return VisionStepResult(total, float(torch.as_tensor(norm)), rates)


def _has_bf16(device: torch.device) -> bool:
    # A processor takes bfloat16 too, at a tenth of the speed.
    return device.type == "cuda" and torch.cuda.is_bf16_supported()
