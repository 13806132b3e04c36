"""What the networks learn from: texts as characters, and the handwritten digits."""

# B batch, T context, N characters of a text, W fixed windows.

from __future__ import annotations

import hashlib
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from homeostat.errors import DataError, UnknownNameError, did_you_mean
from homeostat.logs.encoding import decode

VALIDATION_SHARE = 0.1


class Data(Protocol):
    """What a training step needs: random training batches, and two fixed sets to score on."""

    @property
    def classes(self) -> int:
        """How many classes a prediction chooses from."""
        ...

    @property
    def sha256(self) -> str:
        """Digest of all the data, so that a run can say what it was trained on."""
        ...

    @property
    def held_out(self) -> tuple[Tensor, Tensor]:
        """Inputs and targets that training never draws."""
        ...

    @property
    def test(self) -> tuple[Tensor, Tensor]:
        """As many again, which nothing is chosen by."""
        ...

    @property
    def seen(self) -> tuple[Tensor, Tensor]:
        """As many of the training part, which is what the documented code validates on."""
        ...

    def draw(self, rng: np.random.Generator, batch: int) -> tuple[Tensor, Tensor]:
        """A random training batch of inputs and targets."""
        ...

    def rows(self) -> Tensor:
        """All training inputs, one per row, so that an overlap with validation can be found."""
        ...


@dataclass(frozen=True)
class SplitText:
    """A text as character numbers, cut once: nine tenths train, one twentieth each is held out and
    kept for the test."""

    train_N: Tensor
    held_out: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    seen: tuple[Tensor, Tensor]
    alphabet: str
    context: int
    sha256: str
    """Of the text's UTF-8 bytes."""

    @property
    def classes(self) -> int:
        return len(self.alphabet)

    def draw(self, rng: np.random.Generator, batch: int) -> tuple[Tensor, Tensor]:
        """Windows at random places of the training part, and the same one character later."""
        starts_B = torch.from_numpy(rng.integers(0, len(self.train_N) - self.context, batch))
        windows = self.train_N[starts_B[:, None] + torch.arange(self.context + 1)]
        return windows[:, :-1], windows[:, 1:]

    def rows(self) -> Tensor:
        """The training part as windows laid end to end."""
        whole = len(self.train_N) // self.context * self.context
        return self.train_N[:whole].view(-1, self.context)

    def decode(self, tokens: Tensor) -> str:
        return "".join(self.alphabet[token] for token in tokens.tolist())


def encode(text: str, *, context: int, windows: int, alphabet: str = "") -> SplitText:
    """Number a text's characters and cut it.

    Args:
        text: At least twenty windows long.
        context: Characters per window, T.
        windows: How many fixed windows each score is taken on, spread evenly over the
            held-out and the test part and laid end to end from the start of the training part.
        alphabet: Characters to number; those of the text itself when empty.

    Raises:
        DataError: If the text is too short, or uses a character outside `alphabet`.
    """
    least = 20 * (context + 1)  # a window each in the held-out and the test part
    if len(text) < least:
        raise DataError(
            f"A text of {len(text)} characters is too short for windows of {context}: "
            f"at least {least} are needed.",
            hint="Give a longer text, or:  --set context=8",
        )
    points_N = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    alphabet = alphabet or "".join(map(chr, np.unique(points_N)))
    known = np.frombuffer(alphabet.encode("utf-32-le"), dtype=np.uint32)
    tokens_N = np.searchsorted(known, points_N).clip(max=len(known) - 1)
    strangers = points_N[known[tokens_N] != points_N]
    if len(strangers):
        raise DataError(f"The text has a character outside the alphabet: {chr(strangers[0])!r}.")

    cut = round(len(tokens_N) * (1 - VALIDATION_SHARE))
    train_N = torch.from_numpy(tokens_N[:cut].astype(np.int64))
    held_N = torch.from_numpy(tokens_N[cut:].astype(np.int64))
    half = len(held_N) // 2
    spread_W = torch.from_numpy(np.linspace(0, half - context - 1, windows).round().astype(int))
    return SplitText(
        train_N=train_N,
        held_out=_windows(held_N[:half], spread_W, context),
        test=_windows(held_N[half:], spread_W, context),
        seen=_windows(train_N, torch.arange(windows) * context, context),
        alphabet=alphabet,
        context=context,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def _windows(tokens_N: Tensor, starts_W: Tensor, context: int) -> tuple[Tensor, Tensor]:
    starts_W = starts_W.clamp(max=len(tokens_N) - context - 1)
    windows = tokens_N[starts_W[:, None] + torch.arange(context + 1)]
    return windows[:, :-1], windows[:, 1:]


@cache
def pydoc_topics() -> str:
    """The prose of Python's own `help()` topics: some 700 kB that every installation has."""
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name] for name in sorted(topics))


@cache
def python_source() -> str:
    """Source of the standard library's best known modules: a text of another nature."""
    library = Path(sysconfig.get_paths()["stdlib"])
    names = ("argparse", "ast", "datetime", "doctest", "inspect", "pickle", "tarfile", "typing")
    return "\n".join((library / f"{name}.py").read_text(encoding="utf-8") for name in names)


@cache
def tiny_shakespeare() -> str:
    """The 1.1 MB of plays that most character models are compared on (a download)."""
    from homeostat.data import locate

    return locate("tinyshakespeare").read_text(encoding="utf-8")


TEXTS: dict[str, Callable[[], str]] = {
    "pydoc_topics": pydoc_topics,
    "python_source": python_source,
    "tinyshakespeare": tiny_shakespeare,
}


def read_text(name: str) -> str:
    """A text by its name in `TEXTS`, or any text file by its path; a byte order mark is no letter.

    Raises:
        UnknownNameError: If it is neither.
        DataError: If the file is no text.
    """
    if name in TEXTS:
        return TEXTS[name]()
    file = Path(name).expanduser()
    if not file.is_file():
        raise UnknownNameError(
            f"No text {name!r}, and no file there.", hint=did_you_mean(name, TEXTS)
        )
    text, encoding = decode(file.read_bytes())
    if "\0" in text:
        raise DataError(f"{file} is no text: it has zero bytes, read as {encoding}.")
    return text


@cache
def corpora(names: tuple[str, ...], *, context: int, windows: int) -> tuple[SplitText, ...]:
    """Several texts numbered with one alphabet, so that one network can read them all."""
    texts = [read_text(name) for name in names]
    alphabet = "".join(sorted(set().union(*texts)))
    return tuple(encode(t, context=context, windows=windows, alphabet=alphabet) for t in texts)


@dataclass(frozen=True)
class Digits:
    """Scikit-learn's 1,797 handwritten digits of 8 by 8 pixels; the last tenth is held out and
    kept for the test, half of it each."""

    images: Tensor
    """Training images, shape (N, 1, 8, 8), from 0 to 1."""
    labels: Tensor
    held_out: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    seen: tuple[Tensor, Tensor]
    sha256: str
    """Of the pixels, in the order they are used."""
    classes: int = 10

    def draw(self, rng: np.random.Generator, batch: int) -> tuple[Tensor, Tensor]:
        """Random training images with their labels."""
        chosen = torch.from_numpy(rng.integers(0, len(self.labels), batch))
        return self.images[chosen], self.labels[chosen]

    def rows(self) -> Tensor:
        """The training images."""
        return self.images


@cache
def digits() -> Digits:
    """The digits, shuffled once by a fixed rule: as they come, they are sorted by writer."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    images_NCHW = torch.from_numpy(images[order] / 16).float().view(-1, 1, 8, 8)
    labels_N = torch.from_numpy(labels[order]).long()
    cut = round(len(labels_N) * (1 - VALIDATION_SHARE))
    held = (len(labels_N) - cut) // 2
    return Digits(
        images=images_NCHW[:cut],
        labels=labels_N[:cut],
        held_out=(images_NCHW[cut : cut + held], labels_N[cut : cut + held]),
        test=(images_NCHW[cut + held :], labels_N[cut + held :]),
        seen=(images_NCHW[:held], labels_N[:held]),
        sha256=hashlib.sha256(images_NCHW.numpy().tobytes()).hexdigest(),
    )
