"""What the names in a log stand for: a position, a time, a setting, a phase, or a metric."""

from __future__ import annotations

import re
from functools import lru_cache

EPOCHS = ("epoch", "current_epoch", "ep")
STEPS = (
    *("step", "global_step", "trainer/global_step", "_step", "train/global_step"),
    *("iteration", "iter", "it", "n_iter", "num_updates", "update", "round", "episode"),
    *("timestep", "total_timesteps", "time/total_timesteps", "generation", "gen"),
)
"""Names that count steps, the first one found in a record wins."""
TIMES = frozenset(
    {
        *("time", "timestamp", "wall_time", "relative_time", "eta", "elapsed", "s", "sec", "secs"),
        *(
            "seconds",
            "remaining",
            "date",
            "datetime",
            "dur",
            "duration",
            "took",
            "in",
            "total_time",
        ),
        *("data_time", "batch_time", "epoch_time", "iter_time", "_timestamp", "_runtime", "data"),
        *("relative_time_(process)", "relative_time_(wall)", "ms", "time_this_iter_s", "hours"),
    }
)
CONSTANTS = frozenset(
    {
        *("seed", "rank", "gpu", "gpus", "world_size", "batch_size", "bs", "num_workers", "pid"),
        *("v_num", "version", "workers", "epochs", "num_epochs", "max_epochs", "max_steps", "port"),
        *("steps", "num_steps", "batch", "batches", "local_rank", "node", "device", "run", "fold"),
    }
)
"""Numbers that belong to a run, not to a moment of it."""
RATES = frozenset({"lr", "learning_rate", "initial_lr", "base_lr", "peak_lr", "max_lr"})
SETTINGS = RATES | {
    *("batch_size", "seed", "weight_decay", "momentum", "dropout", "epochs", "num_epochs"),
    *("max_epochs", "max_steps", "warmup", "warmup_steps", "hidden_size", "num_layers"),
}
PHASE_COLUMNS = frozenset({"phase", "mode", "split", "stage", "subset", "dataset", "set"})
RUN_COLUMNS = frozenset(
    {"run", "run_id", "run_name", "experiment", "trial", "trial_id", "seed", "fold", "exp"}
)
SERIES_COLUMNS = frozenset({"metric", "name", "tag", "key", "variable", "series"})

_PHASE = (
    r"train(?:ing)?|trn|val(?:id(?:ation|ate|ating)?)?|test(?:ing)?|eval(?:uat(?:e|ion|ing))?|dev"
)
PHASE_WORD = re.compile(rf"(?<![\w./\\-])({_PHASE})(?![\w/\\-]|\.\w)", re.IGNORECASE)
_HAS_PHASE = re.compile(rf"(?:^|[^A-Za-z])({_PHASE})(?:$|[^A-Za-z])", re.IGNORECASE)
_MEASURE = re.compile(
    r"(?:^|[^a-z])(?:"
    r"\w*loss(?:es)?|acc\w*|\w*err(?:or)?|ppl|perplexity|f1\w*|\w*auc|auroc|auprc|ap\d*|m?ap|"
    r"mae|r?mse|rmsle|mape|nll|bpc|bpb|bpd|bleu\d?|rouge\w*|wer|cer|m?iou|dice|rewards?|returns?|"
    r"scores?|precision|recall|kl|elbo|psnr|ssim|fid|r2|logloss|entropy|norm|lr|"
    r"learning[ _-]rate|cost|objective|loglik\w*|likelihood|top-?\d|mcc|kappa|corr\w*|fitness|"
    r"(?:hit|p|r|recall|precision|acc|top|ndcg|map)@\d+|mfu|grad\w*|l[12]|perp|metric|ccc|pearson\w*"
    r")(?:$|[^a-z])",
    re.IGNORECASE,
)
_FRACTION = re.compile(r"acc|correct|precision|recall|hit|success|win", re.IGNORECASE)


_OF_TRAINING = re.compile(r"norm|grad|^lr$|rate|mfu|scale", re.IGNORECASE)


# A log has few names and asks about each on every line.
_cached = lru_cache(maxsize=4096)


@_cached
def key(name: str) -> str:
    """A name as it is compared: lower case, underscores for blanks and dashes."""
    return re.sub(r"[\s-]+", "_", name.strip()).lower()


@_cached
def is_measure(name: str) -> bool:
    """Whether a name is one that people give to a metric (loss, accuracy, grad norm, lr, ...)."""
    return _MEASURE.search(name) is not None


@_cached
def is_of_data(name: str) -> bool:
    """Whether a metric is measured on data, so that it matters on which: no rate, no norm."""
    return is_measure(name) and _OF_TRAINING.search(name) is None


@_cached
def is_share(name: str) -> bool:
    """Whether a name's "97/100" is .97, rather than a place in a row of a hundred."""
    return _FRACTION.search(name) is not None


@_cached
def is_metric(name: str) -> bool:
    """Whether a name can be a metric's at all: no position, time, or constant of the run."""
    plain = key(name)
    return bool(plain) and not (
        plain in TIMES or plain in CONSTANTS or plain in EPOCHS or plain in STEPS
    )


@_cached
def has_phase(name: str) -> bool:
    """Whether a name says itself which data it was measured on: val_loss, Test accuracy."""
    return _HAS_PHASE.search(name) is not None


def phase_of(name: str) -> str | None:
    """The data that a name speaks of: "train" for "train_log"."""
    match = _HAS_PHASE.search(name)
    return match[1] if match else None


def in_phase(name: str, phase: str | None) -> str:
    """A name with the phase it was measured in, unless it says so itself: "Test Accuracy"."""
    if phase is None or has_phase(name) or key(name) in RATES:
        return name
    return f"{phase} {name}"
