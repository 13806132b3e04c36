"""The slim installation: what comes without extras, and one line for what does not."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from homeostat.errors import MissingExtraError
from homeostat.extras import PACKAGES, missing_extra
from homeostat.inspect.probe.audit import CHECKS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "homeostat"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Distributions whose module has another name.
MODULES = {"scikit-image": "skimage", "scikit-learn": "sklearn", "pyyaml": "yaml",
           "mlflow-skinny": "mlflow", "hydra-core": "hydra",
           }  # fmt: skip
# Started or read by others (a notebook's kernel, Parquet), imported by nobody here.
NEVER_IMPORTED = {"ipykernel"}
SLIM = """
import os
import sys
from importlib.machinery import PathFinder
from homeostat.extras import PACKAGES

KEPT = set(os.environ.get("KEPT", "").split())

class Slim:
    # What a slim installation lacks is as absent as if it had never been there.
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in set(PACKAGES) - KEPT:
            return None
        return PathFinder.find_spec(name, path, target)

    def find_distributions(self, *arguments):
        return PathFinder.find_distributions(*arguments)

sys.meta_path[sys.meta_path.index(PathFinder)] = Slim()
from homeostat.cli.main import main
main(sys.argv[1:])
"""


def modules_of(requirements):
    names = [re.match(r"[\w.-]+", one).group(0).lower() for one in requirements]
    return {MODULES.get(name, name.replace("-", "_")) for name in names}


def slim(*words, cwd, kept=""):
    return subprocess.run(
        [sys.executable, "-c", SLIM, *words], cwd=cwd, capture_output=True, text=True,
        env={**os.environ, "COLUMNS": "200", "KEPT": kept}, timeout=240, check=False,
    )  # fmt: skip


def test_at_most_twelve_packages_are_required():
    assert len(PROJECT["dependencies"]) <= 12


def test_every_package_of_an_extra_has_its_line():
    extras = PROJECT["optional-dependencies"]
    own = {
        e: modules_of(r) for e, r in extras.items() if e not in ("all", "dev", "bench", "scripts")
    }
    known = {module.lower() for module in PACKAGES}
    for extra, modules in own.items():
        assert modules - NEVER_IMPORTED <= known, extra
    for module, extra in PACKAGES.items():
        assert module.lower() in own[extra], f"{module} does not come with {extra}"


def test_whatever_is_imported_is_required_or_comes_with_an_extra():
    """Nothing is imported that merely happens to be there."""
    known = modules_of(PROJECT["dependencies"]) | set(PACKAGES) | sys.stdlib_module_names
    # What a user's own script brings, what a required package is built on, and parity checks.
    known |= {
        "homeostat",
        "click",
        "IPython",  # only inside a notebook, which is it
        "starlette",
        "h11",  # of uvicorn
        "omegaconf",  # of Hydra
        "llvmlite",
        "pytorch_lightning",
        "torchmetrics",
        "PIL",  # of scikit-image
        "pytest",  # whose plugin one file is
    }
    strangers = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            strangers |= {
                (name.partition(".")[0], path.relative_to(SOURCE).as_posix())
                for name in names
                if name.partition(".")[0] not in known
            }
    assert not strangers


def test_another_missing_module_is_not_taken_for_an_extra():
    assert missing_extra(ModuleNotFoundError("no", name="my_helper"), "This") is None
    assert missing_extra(ModuleNotFoundError("no"), "This") is None
    line = missing_extra(ModuleNotFoundError("no", name="plotly.io"), "The page")
    assert isinstance(line, MissingExtraError)
    assert "homeostat[report]" in str(line)


LINE = """
import argparse, random
options = argparse.ArgumentParser()
options.add_argument("--lr", type=float, default=0.3)
options.add_argument("--unused", type=float, default=0.5)
options.add_argument("--steps", type=int, default=8)
options.add_argument("--seed", type=int, default=0)
options = options.parse_args()
random.seed(options.seed)
w = 1.0
for step in range(options.steps):
    w -= options.lr * (w - 0.1 * random.gauss(0, 1))
    print(f"step {step} val_loss {w * w:.6f}")
"""


def test_without_extras_a_script_without_pytorch_is_probed_searched_and_tuned(tmp_path):
    (tmp_path / "train.py").write_text(LINE, encoding="utf-8")
    probed = slim("probe", "train.py", cwd=tmp_path)
    assert probed.returncode == 1, probed.stderr
    assert "--unused is not connected to anything" in probed.stdout
    for words in (("search", "train.py", "--trials", "4"), ("tune", "train.py", "--budget", "6s")):
        done = slim(*words, "--engine", "inline", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        assert "Winner" in done.stdout or "Nothing beat the default" in done.stdout, done.stdout


def test_every_check_of_the_probe_is_there():
    for check in CHECKS.values():
        import_module(f"homeostat.inspect.checks.{check.name}")


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("report", "--study", "s"), "report"),
        (("dashboard",), "dashboard"),
        (("export", "s", "--to", "tensorboard"), "export"),
        (("run", f"{ROOT}/tests/search/loops.py:valley", "--engine", "slurm"), "slurm"),
    ],
)
def test_a_command_whose_extra_is_missing_is_one_line(tmp_path, words, extra):
    workload = ROOT / "tests" / "search" / "loops.py"
    slim("search", f"{workload}:valley", "--trials", "3", "--engine", "inline", "--study", "s",
         cwd=tmp_path)  # fmt: skip
    refused = slim(*words, cwd=tmp_path)
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    assert f"pip install 'homeostat[{extra}]'" in refused.stderr
