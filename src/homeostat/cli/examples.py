"""One or more commands to type for each command: at the end of its help, and on its page."""

from __future__ import annotations

# command -> (what to type, what it does)
EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "demo": (
        ("homeostat demo", "in a new folder, homeostat_demo"),
        ("homeostat demo /tmp/seen --no-open", "elsewhere, without the browser"),
    ),
    "init": (
        ("homeostat init my_project", "a PyTorch workload, my_project/workload.py"),
        ("homeostat init boosting.py --kind sklearn", "a single file for scikit-learn"),
        ("homeostat init my_script --kind command", "for a program that prints its loss"),
    ),
    "tune": (
        ("homeostat tune apoptosis --config tiny --plan generic --budget 3m", "a built-in one"),
        ("homeostat tune my_file.py --budget 30m", "your own; run it again to go on"),
        ("homeostat tune my_file.py --set width=64 --budget 1h", "with the width held"),
    ),
    "adopt": (
        ("homeostat adopt train.py", "a script's knobs, ranges and metric, in a file to edit"),
        ("homeostat adopt train.py -- --data small.csv", "with arguments that stay as they are"),
    ),
    "plan": (("homeostat plan ncp --budget 8h", "each phase, with its time on this machine"),),
    "probe": (
        ("homeostat probe my_file.py", "does it learn, and if not, why: half a minute"),
        (
            "homeostat probe my_file.py --fix --seconds 60",
            "try what needs no edit, and say what cures",
        ),
        ("homeostat probe my_file.py --junit out.xml", "each finding a test case, for CI"),
        ("homeostat probe train.py -- --data small.csv", "a script as it is, with its arguments"),
        ("homeostat probe visioncore --config smoke", "a built-in one"),
    ),
    "run": (
        ("homeostat run my_file.py --set lr=0.01 --seeds 3", "three seeds of one setting"),
        ("homeostat run ncp --config small --steps 5", "a short one"),
        ("homeostat run my_file.py --seed 7 --seed 8", "these two seeds"),
    ),
    "diagnose": (
        ("homeostat diagnose hyperperturb --config as_documented", "why it fails in one step"),
        (
            "homeostat diagnose results/mine_20260101_120000 --workload my_file.py --fix",
            "a run, and whether the cure works",
        ),
    ),
    "search": (
        ("homeostat search my_file.py --study first --trials 50", "an existing study goes on"),
        ("homeostat search my_file.py --trials 100 --method tpe --seeds 2", "with TPE"),
        (
            "homeostat search my_file.py --study second --from first",
            "that learns from an earlier study",
        ),
        (
            "homeostat search my_file.py --scientific optimizer --goal 'does Adam help?'",
            "a question, with everything else tuned for each answer",
        ),
    ),
    "change": (
        ("homeostat change --study first --fix optimizer=adam", "in every further trial"),
        ("homeostat change --study first --forget 3,5-9", "they count for nothing; undone by:"),
        ("homeostat change --study first --restore 3,5-9", "they count again"),
        ("homeostat change --study first --widen --add dropout", "the workload's wider ranges"),
    ),
    "screen": (
        ("homeostat screen ncp --config small --runs 60", "which parameters matter"),
        ("homeostat screen my_file.py --only lr --only width", "these two only"),
    ),
    "verify": (
        ("homeostat verify visioncore --group resnet --fidelity 0.02", "its guide's claims"),
        ("homeostat verify my_file.py my_claims.yaml --budget 30m", "yours"),
    ),
    "resume": (
        ("homeostat resume results/mine_20260101_120000", "a run, from its last snapshot"),
        ("homeostat resume first", "a study"),
    ),
    "predict": (
        ("homeostat predict ncp_20260101_120000 new.csv", "a forecast of one's own series"),
        ("homeostat predict ncp_20260101_120000 --out forecast.csv", "of the run's own data"),
    ),
    "bisect": (
        (
            "homeostat bisect my_file.py --param dropout --target gap=0.05..0.1",
            "the dropout that leaves this gap",
        ),
    ),
    "sweep": (("homeostat sweep my_file.py --over lr --over width=16,64", "one at a time"),),
    "grid": (("homeostat grid my_file.py --over lr=1e-3,1e-2 --over width=16,64", "all four"),),
    "random": (("homeostat random my_file.py --trials 20 --only lr", "twenty rates"),),
    "ablate": (
        (
            "homeostat ablate my_file.py --mechanism dropout --mechanism skip --how factorial",
            "two switches, alone and together",
        ),
    ),
    "lr-find": (
        ("homeostat lr-find ncp --config small --rates 8", "eight short runs"),
        ("homeostat lr-find my_file.py --param eta --plot rates.html", "with a picture"),
    ),
    "batch-size": (("homeostat batch-size ncp --sizes 16,32,64", "time and memory of three"),),
    "status": (
        ("homeostat status", "all studies"),
        ("homeostat status --study first --json", "one, for a script"),
    ),
    "best": (("homeostat best --study first --top 3", "with the command that reruns each"),),
    "importance": (
        ("homeostat importance --study first", "what each parameter explains, and what is chance"),
        ("homeostat importance --study first --plot ranks.html", "drawn"),
    ),
    "pareto": (("homeostat pareto --study first --plot front.html", "the front, with a picture"),),
    "report": (
        ("homeostat report --study first", "report.html and report.ipynb in its folder"),
        ("homeostat report --study first --out pages --no-execute", "elsewhere, cells not run"),
    ),
    "dashboard": (
        ("homeostat dashboard --open", "pages over ./results, on this machine only"),
        ("homeostat dashboard --host 0.0.0.0 --token SECRET", "for others who know the token"),
    ),
    "compare": (
        ("homeostat compare mine_20260101_120000 mine_20260102_090000", "two runs"),
        (
            "homeostat compare mine_20260101_120000 mine_20260102_090000 --metric accuracy "
            "--goal maximize",
            "by a metric that is no objective",
        ),
    ),
    "workloads": (("homeostat workloads", "the built-in ones"),),
    "space": (("homeostat space ncp --config small", "every parameter, and what fixes it"),),
    "notes": (
        ("homeostat notes", "what was tried"),
        ("homeostat notes add fit.log --remark 'the first that learned'", "from a log"),
    ),
    "export": (
        ("homeostat export first --to tensorboard --out events", "a study for TensorBoard"),
        ("homeostat export first --to mlflow --out tracked", "or for MLflow"),
        ("homeostat export mine_20260101_120000 --to wandb --out tracked", "a run for W&B"),
        ("homeostat export first --to sqlite:///optuna.db", "for Optuna"),
    ),
    "import": (
        ("homeostat import sqlite:///optuna.db --workload my_file.py", "Optuna's, and go on"),
        (
            "homeostat import runs.csv --metric val_loss --goal minimize --parameter lr",
            "a table of W&B, or of one's own",
        ),
        ("homeostat import ~/ray_results/tune --metric loss --goal minimize", "Ray Tune's"),
    ),
    "doctor": (("homeostat doctor", "versions, cores, what is missing"),),
    "data": (
        ("homeostat data list", "what can be fetched"),
        ("homeostat data get papalexi", "one data set, checked by SHA-256"),
    ),
}


def epilog(name: str) -> str | None:
    """The end of a command's help; a paragraph a line, as the help's layout wants it."""
    examples = EXAMPLES.get(name, ())
    if not examples:
        return None
    return "\n\n".join(["Examples:", *(command for command, _ in examples)])
