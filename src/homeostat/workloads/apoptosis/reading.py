"""A trained network kept and used: how well it foresees a text, and how the text might go on.

B windows, T context, N characters.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from homeostat.errors import DataError, RecordError
from homeostat.space import Config
from homeostat.wording import some
from homeostat.workload.prediction import Prediction, Trained
from homeostat.workload.trial import Trial
from homeostat.workload.weights import read_weights
from homeostat.workloads.apoptosis.data import SplitText, read_text
from homeostat.workloads.apoptosis.influence import AgeingNetwork
from homeostat.workloads.apoptosis.space import SPACE

if TYPE_CHECKING:
    from homeostat.workloads.apoptosis.training import Training

FURTHER = 200
"""Characters by which a text is continued."""
_STATE = ("layer_zone", "vitality", "influence_weight", "temperature", "dropout_rate", "reborn")


def keep_network(trial: Trial, config: Config, training: Training) -> None:
    """Keep the weights, the alphabet, and the condition of every layer, which acts on the values.

    A network that was trained with dying layers is one with them: a weak layer counts little.
    """
    text = training.texts[0]
    layers = [{n: getattr(layer, n) for n in _STATE} for layer in training.trainer.model.senescence]
    trial.keep_weights(
        training.trainer.model.state_dict(),
        alphabet=text.alphabet if isinstance(text, SplitText) else "",
        classes=text.classes,
        layers=layers,
    )


def load(path: str | Path) -> tuple[AgeingNetwork, dict[str, Any]]:
    """The trained network of a weights.safetensors, ready to use, and the facts kept with it.

    The transformer takes character numbers (B, T), which count in the facts' `alphabet`, and gives
    scores of the next one (B, T, V).

    Raises:
        DataError: If the file is no weights of this workload.
    """
    weights, facts = read_weights(Path(path))
    if "layers" not in facts:
        raise DataError(f"{path} holds no weights of an apoptosis run.")
    return build(Trained(SPACE.resolve(facts["given"]), weights, facts)), facts


def build(trained: Trained) -> AgeingNetwork:
    """The configured network with trained weights, its layers in the condition they were in."""
    from homeostat.workloads.apoptosis.training import build_model

    network = build_model(trained.config, Trial(trained.config), int(trained.facts["classes"]))
    network.load_state_dict({n: torch.from_numpy(np.array(v)) for n, v in trained.weights.items()})
    for layer, told in zip(network.senescence, trained.facts["layers"], strict=True):
        for name, value in told.items():
            setattr(layer, name, value)
    return network.eval()


def read(trained: Trained, file: Path | None) -> Prediction:
    """How surprising each character of a text is, in nats, and a continuation.

    Raises:
        DataError: If the text has characters that the network never saw, or fewer than two.
        RecordError: If the network looks at images.
    """
    alphabet = str(trained.facts["alphabet"])
    if not alphabet:
        raise RecordError(
            "A network for images reads no text.", hint="Train one with arch=transformer."
        )
    text = read_text(str(file) if file is not None else trained.config.text)
    if file is None:
        text = text[-4_000:]  # of its own text, the end: the test part
    strangers = sorted(set(text) - set(alphabet))
    if strangers or len(text) < 2:
        wrong = f"has characters the network never saw: {some([repr(c) for c in strangers])}"
        raise DataError(f"{file} {wrong if strangers else 'has fewer than two characters'}.")
    network = build(trained)
    tokens_N = torch.tensor([alphabet.index(c) for c in text])
    nats = _surprise(network, tokens_N, int(trained.config.context))
    told = _continued(network, tokens_N, int(trained.config.context))
    ahead = "".join(alphabet[i] for i in told)
    mean = float(nats.mean())
    return Prediction(
        {"place": np.arange(1, len(text)), "character": list(text[1:]), "nats": nats},
        (f"It might go on: {ahead!r}",),
        {"nats per character": mean, "bits per character": mean / float(np.log(2.0))},
    )


@torch.no_grad()
def _surprise(network: AgeingNetwork, tokens_N: Tensor, context: int) -> np.ndarray:
    """Negative log probability of each character but the first, from at most `context` before.

    Windows overlap by half, so that every character but the first ones has half a context.
    """
    found = np.full(len(tokens_N) - 1, np.nan)
    last = max(len(tokens_N) - 1 - context, 0)
    starts = [*range(0, last, max(context // 2, 1)), last]
    for start in starts:
        window = tokens_N[start : start + context + 1]
        scores_TV = network(window[None, :-1])[0].log_softmax(-1)
        nats = -scores_TV.gather(1, window[1:, None])[:, 0].numpy()
        here = found[start : start + len(nats)]
        np.copyto(here, nats, where=np.isnan(here))
    return found


@torch.no_grad()
def _continued(network: AgeingNetwork, tokens_N: Tensor, context: int) -> list[int]:
    """Characters drawn one after another, the same ones every time."""
    rng = torch.Generator().manual_seed(0)
    told = tokens_N.tolist()
    for _ in range(FURTHER):
        scores_V = network(torch.tensor(told[-context:])[None])[0, -1]
        told.append(int(torch.multinomial(scores_V.softmax(-1), 1, generator=rng)))
    return told[len(tokens_N) :]
