"""From a configuration to a network, its manager, its trainer and its data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from homeostat.space import Config
from homeostat.workloads.apoptosis.aftermath import Aftermath
from homeostat.workloads.apoptosis.data import Data, SplitText, corpora, digits
from homeostat.workloads.apoptosis.influence import AgeingNetwork
from homeostat.workloads.apoptosis.manager import ApoptosisManager
from homeostat.workloads.apoptosis.model import ApoptoticTransformer, TransformerShape
from homeostat.workloads.apoptosis.phases import PhasePlan, PhaseScores
from homeostat.workloads.apoptosis.resnet import ApoptoticResNet
from homeostat.workloads.apoptosis.settings import rules, schedule
from homeostat.workloads.apoptosis.trainer import StepResult, Trainer, TrainSettings, bits

if TYPE_CHECKING:
    from homeostat.workload.trial import Trial


@dataclass
class Training:
    """Everything that one attempt trains with."""

    config: Config
    trainer: Trainer
    manager: ApoptosisManager | None
    texts: tuple[Data, ...]
    """The first is A; with three phases the second is B."""
    plan: PhasePlan
    scores: PhaseScores
    aftermath: Aftermath
    last_step: int

    def step(self, step: int) -> tuple[StepResult, dict[str, float]]:
        """One training step on the phase's own data, and its scores where they are due.

        Scores are taken before the deaths of their step: a layer born a moment ago would stand in
        for the network that had been trained.
        """
        in_b = self.plan.phase(step) == 1
        due = self.due(step)
        result = self.trainer.learn(self.texts[1 if in_b else 0], measure=due)
        scores = self.evaluate(step, result) if due else {}
        result = replace(result, deaths=self.trainer.age())
        self.aftermath.see(result.loss, result.deaths)
        return result, scores

    def due(self, step: int) -> bool:
        """Whether the network is scored after this step."""
        regular = (step + 1) % self.config.eval_interval == 0
        return regular or step == self.last_step or self.plan.ends(step)

    def evaluate(self, step: int, result: StepResult) -> dict[str, float]:
        """Scores on held-out data, and the layers' vitality."""
        held_out = self.trainer.evaluate(self.texts[0])
        loss = self.trainer.reported(result.loss, held_out, self.texts[0])
        found = {"val_loss": loss, "held_out_loss": held_out}
        if result.update_norm is not None:
            found["update_norm"] = result.update_norm
        if self.config.arch == "resnet":
            found["accuracy"] = self.trainer.accuracy()
        else:
            found["bpc"] = bits(held_out)
        if len(self.texts) > 1:
            phase = self.plan.phase(step)
            loss_b = self.trainer.evaluate(self.texts[1])
            self.scores.see(phase, held_out, loss_b, ends=self.plan.ends(step))
            found["val_loss_b"] = loss_b
            found |= self.scores.metrics(phase, held_out)
        found |= self.aftermath.metrics()
        layers = self.manager.layers if self.manager is not None else []
        found |= {f"vitality_{i}": layer.vitality for i, layer in enumerate(layers)}
        found |= {f"influence_{i}": layer.influence_weight for i, layer in enumerate(layers)}
        return found

    def counts(self) -> dict[str, float]:
        """Deaths so far: of layers, or of neurons where those are what dies."""
        if self.manager is None:
            return {"events": 0, "deaths": 0}
        happened = self.manager.apoptosis_events
        return {"events": len(happened), "deaths": sum(max(1, e.neurons) for e in happened)}


def assemble(config: Config, trial: Trial) -> Training:
    """Build what a configuration describes; all chance comes from the trial's own streams."""
    texts = load_data(config)
    model = build_model(config, trial, texts[0].classes).to(trial.device)
    manager = None
    if config.senescence:
        manager = ApoptosisManager(
            model, **schedule(config), rules=rules(config), rng=trial.torch_rng("senescence")
        )
    settings = TrainSettings(
        lr=config.lr,
        batch=config.batch,
        clip=config.clip,
        update_rule=config.update_rule,
        validation=config.validation,
        reported_loss=config.reported_loss,
    )
    return Training(
        config=config,
        trainer=Trainer(model, manager, texts[0], settings=settings, rng=trial.rng("data")),
        manager=manager,
        texts=texts,
        plan=PhasePlan(trial.budget, three=len(texts) > 1),
        scores=PhaseScores(),
        aftermath=Aftermath(),
        last_step=trial.budget - 1,
    )


def build_model(config: Config, trial: Trial, classes: int) -> AgeingNetwork:
    """The network of a configuration, with fresh weights."""
    streams = {"rng": trial.torch_rng("init"), "dropout_rng": trial.torch_rng("dropout")}
    if config.arch == "resnet":
        return ApoptoticResNet(
            channels=config.channels,
            layers=config.layers,
            classes=classes,
            dropout=config.dropout,
            rules=rules(config),
            architecture=config.architecture,
            **streams,
        )
    shape = TransformerShape(
        alphabet=classes,
        width=config.width,
        layers=config.layers,
        heads=config.heads,
        context=config.context,
        dropout=config.dropout,
        pre_ln=config.pre_ln,
    )
    return ApoptoticTransformer(
        shape, rules=rules(config), architecture=config.architecture, **streams
    )


def load_data(config: Config) -> tuple[Data, ...]:
    """The text, or with three phases the two texts, or the digits."""
    if config.arch == "resnet":
        return (digits(),)
    names = (config.text, config.text_b) if config.phases == "three" else (config.text,)
    return corpora(names, context=config.context, windows=config.eval_windows)


def floors(data: Data) -> dict[str, float]:
    """What knowing only the classes, their frequencies, or the last character scores, in nats."""
    found = {"uniform": float(np.log(data.classes))}
    if isinstance(data, SplitText):
        train_N = data.train_N.numpy()
        inputs, targets = (part.numpy().ravel() for part in data.held_out)
        pairs = np.ones((data.classes, data.classes))  # one of each, so that none is impossible
        np.add.at(pairs, (train_N[:-1], train_N[1:]), 1)
        counts = np.bincount(train_N, minlength=data.classes) + 1
        found["unigram"] = float(-np.log(counts[targets] / counts.sum()).mean())
        found["bigram"] = float(
            -np.log((pairs / pairs.sum(1, keepdims=True))[inputs, targets]).mean()
        )
    return found
