"""The LSTM of Lightning's own demos learns to spell: a LightningModule and a Trainer, as they are.

homeostat tune examples/lightning_lstm.py --budget 90s
"""

import logging

import lightning as L
import torch
from lightning.pytorch.demos.lstm import SimpleLSTM
from sklearn import datasets
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import homeostat as hs
from homeostat.workload.lightning import fit

# Lightning greets every Trainer with four lines; a search makes hundreds of them.
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)

# The rate, layers and dropout are the demo's; its 512 neurons are for a larger text.
space = hs.Space(
    lr=hs.Float(0.1, 50.0, log=True, default=20.0, tier=1),
    layers=hs.Int(1, 4, default=4),
    width=hs.Int(16, 64, log=True, default=32),
    dropout=hs.Float(0.0, 0.6, default=0.2, tier=2),
    clip=hs.Float(0.05, 5.0, log=True, default=0.25, tier=3, help="Largest norm of a gradient."),
)


class Speller(L.LightningModule):
    """Predicts the next character."""

    def __init__(self, config, vocabulary):
        super().__init__()
        self.lr = config.lr
        self.model = SimpleLSTM(
            vocabulary, config.width, config.width, config.layers, config.dropout
        )

    def loss(self, batch):
        (text,) = batch
        output, _ = self.model(text[:, :-1], self.model.init_hidden(len(text)))
        return F.nll_loss(output, text[:, 1:].reshape(-1))

    def training_step(self, batch, index):
        loss = self.loss(batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, index):
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.lr)


def load_text(length=33):
    """What scikit-learn says of its data sets, in pieces of 32 characters; every fifth is held."""
    loaders = (datasets.load_wine, datasets.load_digits, datasets.load_breast_cancer)
    text = "".join(load().DESCR for load in loaders)
    letters = sorted(set(text))
    codes = torch.tensor([letters.index(letter) for letter in text])
    pieces = codes[: len(codes) // length * length].view(-1, length)
    held = torch.arange(len(pieces)) % 5 == 0
    return TensorDataset(pieces[~held]), TensorDataset(pieces[held]), len(letters)


@hs.workload(space=space, metric="val_loss", goal="minimize", budget=25, unit="epoch")
def lightning_lstm(config, trial):
    """A language model of letters, in nats a letter."""
    train, held, vocabulary = load_text()
    trainer = L.Trainer(
        max_epochs=trial.budget, gradient_clip_val=config.clip, accelerator="cpu", logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        num_sanity_val_steps=0,
    )  # fmt: skip
    order = trial.torch_rng("batches")
    yield from fit(
        trial,
        trainer,
        Speller(config, vocabulary),
        DataLoader(train, 16, shuffle=True, generator=order),
        DataLoader(held, 128),
    )
