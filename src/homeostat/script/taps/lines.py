"""Lines: the named numbers in a line that a script prints or logs.

    Test set: Average loss: 0.05, Accuracy: 97/100 (97%)    test_loss 0.05, test_accuracy 0.97
    Train Epoch: 1 [640/60000 (1%)]    Loss: 2.301          train_loss 2.301
    epoch 3 | val_acc=0.91 | 12.3s                          val_acc 0.91
    {'eval_loss': 0.31, 'epoch': 1.0}                       eval_loss 0.31

Epochs, times, sizes and rates are no metrics, and numbers in prose are not read.
"""

from __future__ import annotations

import ast
import math
import re

from homeostat.script.words import snake, table

MOST_LENGTH = 2000
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NUMBER = (
    r"[-+]?(?:\d[\d_]*(?:,\d{3})*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?nan|[-+]?inf(?:inity)?"
)
_PAIR = re.compile(
    r"(?P<name>[A-Za-z@][\w@/.\-]*(?:[ ][A-Za-z@(][\w@/.\-)]*){0,4})\s*(?:[:=]|->|is)\s*\[?"
    rf"(?P<value>{_NUMBER})(?:\s*/\s*(?P<of>\d[\d,]*))?(?P<percent>\s*%)?(?![\w:])",
    re.IGNORECASE,
)
_BARE = re.compile(
    rf"(?P<name>[A-Za-z][\w@/\-]*(?:[ ][A-Za-z][\w@/\-]*)?)[ ]+(?P<value>{_NUMBER})"
    r"(?P<percent>\s*%)?(?=$|[\s,;|)\]])",
    re.IGNORECASE,
)
_BAR = re.compile(r"\d+%\|.*\||it/s|s/it")
_PHASE = re.compile(
    r"\b(train|training|val|valid|validation|test|testing|eval|evaluation|dev)\b", re.I
)
_PHASES = {
    "training": "train", "valid": "val", "validation": "val", "testing": "test",
    "evaluation": "eval",
}  # fmt: skip
_FILLING = {
    "average",
    "avg",
    "mean",
    "set",
    "the",
    "current",
    "final",
    "overall",
    "is",
    "epoch",
    "info",
    "debug",
    "warning",
    "root",
}

NOT_METRICS = table(
    "epochs?", "ep", "steps?", "iters?", "iterations?", "it", "i", "batch", "batches", "round",
    "time", "took", "elapsed", "eta", "sec", "secs", "seconds", "s", "ms", "mins?", "hours?",
    "duration", "speed", "throughput", "fps", "samples", "examples", "tokens", "rows", "images",
    "lr", "learning_rate", "rate", "seed", "rank", "gpu", "gpus", "mem", "memory", "mb", "gb",
    "params", "parameters", "size", "sizes", "shape", "dim", "num", "number", "count", "total",
    "version", "port", "pid", "device", "world_size", "workers", "layers", "patience", "length",
    "len", "vocab", "classes", "features", "frame", "frames", "timestep", "timesteps",
    "global_step", "dt", "date", "line", "best_epoch", "n", "idx", "index",
)  # fmt: skip
METRICS = table(
    "loss", r"\w*loss", "acc", "accuracy", r"\w*acc", "err", "error", "mse", "rmse", "mae", "f1",
    r"f1_\w+", "auc", "auroc", "ap", "map", "precision", "recall", "ppl", "perplexity", "bpb",
    "bpc", "nll", "elbo", "kl", "bleu", "rouge", r"\w*score", "reward", "return", "returns",
    "fitness",
    "r2", "psnr", "ssim", "iou", "dice", "fid", "wer", "cer", "top1", "top5", r"acc@\d", "cost",
    "objective", "logloss", r"\w*error", "corr", "correlation", "mcc", "kappa", "energy",
)  # fmt: skip
SHARES = table("acc", "accuracy", r"\w*acc", "precision", "recall", "correct", "top1", "top5")


class Lines:
    """Reads lines, one at a time."""

    def read(self, line: str) -> dict[str, float]:
        """The metrics in a line, by name; empty where there are none."""
        line = _ANSI.sub("", line[:MOST_LENGTH]).rsplit("\r", 1)[-1].strip()
        if not line or _BAR.search(line) or not any(c.isdigit() or c == "n" for c in line):
            return {}
        whole = _mapping(line)
        if whole is not None:
            return {snake(k): v for k, v in whole.items() if not NOT_METRICS.search(snake(k))}
        return _pairs(line)


def _mapping(line: str) -> dict[str, float] | None:
    """A line that is, or ends in, a dictionary of numbers, as JSON or as Python writes it."""
    start = line.find("{")
    if start < 0 or not line.endswith("}"):
        return None
    text = re.sub(r"\b(NaN|nan|Infinity|inf)\b", "1e999", line[start:])
    text = re.sub(
        r"\btrue\b", "True", re.sub(r"\bfalse\b", "False", re.sub(r"\bnull\b", "None", text))
    )
    try:
        content = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    return {
        str(key): float(value)
        for key, value in content.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _pairs(line: str) -> dict[str, float]:
    phase = _phase(line)
    found: dict[str, float] = {}
    taken: list[tuple[int, int]] = []
    for pattern in (_PAIR, _BARE):
        for match in pattern.finditer(line):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            raw = snake(match["name"])
            if pattern is _BARE and not METRICS.search(raw):
                continue
            taken.append(match.span())
            name = _name(match["name"], phase)
            if not name or NOT_METRICS.search(raw) or NOT_METRICS.search(name):
                continue
            value = _value(match, name)
            if name in found:  # the same word twice in a line: what stood in front tells them apart
                name = raw
            found.setdefault(name, value)
    return found


def _phase(line: str) -> str:
    """The part of training that a line begins with: Train Epoch, Test set, Validation."""
    match = _PHASE.search(line[:40])
    if match is None:
        return ""
    before = line[: match.start()]
    return "" if re.search(r"[:=]\s*\S*\d", before) else _short(match[1])


def _short(word: str) -> str:
    return _PHASES.get(word.lower(), word.lower())


def _name(text: str, phase: str) -> str:
    words = [word for word in snake(text.split(":")[-1]).split("_") if word]
    own = next(
        (_short(w) for w in words if _short(w) in ("train", "val", "test", "eval", "dev")), ""
    )
    rest = [w for w in words if w not in _FILLING and _PHASE.fullmatch(w) is None]
    if not rest:
        return ""
    return "_".join([part for part in (own or phase,) if part] + rest)


def _value(match: re.Match[str], name: str) -> float:
    value = float(match["value"].replace(",", "").replace("_", ""))
    of = match.groupdict().get("of")
    if of is not None:
        whole = float(of.replace(",", ""))
        return value / whole if whole else math.nan
    if match["percent"] and SHARES.search(name):
        return value / 100
    return value
