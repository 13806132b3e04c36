"""Roles: what an option is for, by its name, type and default.

    knob        what a search may vary
    seed        gets the trial's seed
    length      epochs or steps: gets the trial's budget
    output      a place to write to
    data        what is trained on
    device      where and how it is computed
    reporting   how often something is said or saved; moves no weight
    unset       it has no value to start from
    given       the user's own arguments set it
    text        free text

The first of TABLE whose words stand in the name decides; the rest are knobs if they are numbers,
choices or switches.
"""

from __future__ import annotations

import re

from homeostat.script.options.option import Option
from homeostat.script.words import snake, table

KNOB, SEED, LENGTH = "knob", "seed", "length"

_LENGTHS = (
    r"(?:max|num|n|nb|total|train|training|no)?_?(?:train|training|of)?_?"
    r"(?:epochs?|steps|iters?|iterations?|updates|episodes|generations|timesteps|env_steps|niter)"
)
_LENGTH = re.compile(rf"^(?:{_LENGTHS}|n_?iter|niters|num_?epoch)$")
_EPOCHS = re.compile(r"epoch")
_ROUNDS = table(
    r"\w*rounds?", "estimators", r"\w*_estimators", "trees", "iterations", "sweeps", "gens?"
)

TABLE: tuple[tuple[str, re.Pattern[str]], ...] = (
    (SEED, re.compile(r"(^|_)(seed|random_state|random_seed|manual_seed)$")),
    (LENGTH, _LENGTH),
    ("reporting", table(
        "log", "logging", "print", "verbose", "quiet", "silent", "debug", "interval", "freq",
        "frequency", r"\w*_every", "every", "save", "saves", "checkpoint", "checkpointing", "ckpt",
        "resume", "wandb", "tensorboard", "tb", "mlflow", "comet", "track", "tracker", "project",
        "entity", "tags?", "run_name", "exp_name", "experiment", "report_to", "progress", "tqdm",
        "render", "plot", "visuali[sz]e", "vis", "viz", "show",
        "profile", "profiler", "workers", "num_workers",
        "nworkers", "n_workers", "threads", "num_threads", "num_proc", "prefetch",
        "prefetch_factor", "pin_memory", "test_batch_size", "eval_batch_size", "val_batch_size",
        "batch_size_test",
        "batch_size_val", "valid_batch_size", r"per_device_eval_batch_size", "eval_iters",
        "eval_steps", "eval_strategy", "evaluation_strategy", "save_strategy", "dry_run", "dryrun",
        r"\w*_only", "sample", "generate", "do_train", "do_eval", "do_predict", "evaluate", "test",
        "predict", "overwrite", "push_to_hub", "hub", "upload", "capture_video", "video", "version",
        "config", "cfg",
        "notify", "timeout", "jobs", "n_jobs", "always_save_checkpoint", "log_dir", "init_from",
    )),
    ("device", table(
        "device", "devices", "cuda", "no_cuda", "gpu", "gpus", "ngpu", "no_gpu", "mps", "no_mps",
        "cpu", "no_cpu", "use_cpu", "tpu", "accel", "accelerator", "no_accel", "backend", "dist",
        "distributed", "world_size", "rank", "local_rank", "nodes", "num_nodes", "ddp", "fsdp",
        "fp16", "bf16", "tf32", "amp", "half", "dtype", "precision", "compile", "jit",
        "master_addr", "master_port", "deterministic", "cudnn",
    )),
    ("output", table(
        "out", "output", "outdir", "out_dir", "output_dir", "save_dir", "save_path", "savedir",
        "logdir", "log_dir", "model_dir", "model_path", "result", "results", "results_dir",
        "workdir", "work_dir", "run_dir", "experiment_dir", "checkpoint_dir", "ckpt_dir", "exp_dir",
        "figure", "report",
    )),
    ("data", table(
        "data", "dataset", "datasets", "data_dir", "data_path", "data_root", "dataroot", "root",
        "path", "dir", "folder", "file", "input_file", "train_file", "valid_file", "test_file",
        "vocab", "vocab_size", "corpus", "download", "split", "fold", "val_size", "test_size",
        "train_size", "num_samples", "n_samples", "nsamples", "num_train", "n_train", "num_test",
        "n_test", "num_val", "n_val", "train_samples", "num_examples", "num_classes", "n_classes",
        "nclasses", "classes", "num_features", "n_features", "in_features", "out_features",
        "input_dim", "in_dim", "output_dim", "out_dim", "input_size", "output_size", "in_channels",
        "out_channels", "image_size", "img_size", "env", "env_id", "env_name", "game", "task",
        "gym_id", "url", "host", "port", "language", "lang", "limit", "subset", "max_samples",
        "max_train_samples", "max_eval_samples", "train_frac", "test_frac", "val_frac", "val_split",
        "validation_split", "test_split", "train_split", "num_envs", "n_envs",
    )),
)  # fmt: skip


def role(option: Option) -> str:
    """What an option is for; the words are at the top of this file."""
    if option.given:
        return "given"
    name = snake(option.word).replace("per_device_", "")  # a size, not a device
    for word, pattern in TABLE:
        if pattern.search(name) and _fits(word, option):
            return word
    if option.default is None and option.kind != "choice":
        return "unset"
    return "text" if option.kind == "text" else KNOB


def _fits(word: str, option: Option) -> bool:
    """Whether an option's type suits the role that its name speaks for."""
    number = isinstance(option.default, (int, float)) and not isinstance(option.default, bool)
    if word == SEED:
        return option.kind == "int" or (option.kind == "float" and number)
    if word == LENGTH:
        return number and option.default > 0
    if word == "output":
        return option.kind == "text"
    return True


def counts_epochs(option: Option) -> bool:
    """Whether a length is in epochs, not in steps."""
    return bool(_EPOCHS.search(snake(option.word)))


def counts_rounds(option: Option) -> bool:
    """Whether it may be a length, where so many steps are seen: of boosting, of evolution."""
    return option.kind == "int" and bool(_ROUNDS.search(snake(option.word)))
