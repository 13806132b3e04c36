"""A script runs in this process as it does under python, and leaves no trace."""

import builtins
import os
import random
import signal
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.optim import optimizer

from homeostat.errors import WorkloadError
from homeostat.script.drive import Run
from homeostat.script.program import Program
from homeostat.script.steps import DENSE, Leader, is_due
from homeostat.workload.trial import Trial

TRAINS = """
import torch
w = torch.nn.Linear(2, 1)
opt = torch.optim.SGD(w.parameters(), lr=0.1)
for epoch in range(3):
    for _ in range(4):
        loss = w(torch.ones(1, 2)).pow(2).mean()
        opt.zero_grad(); loss.backward(); opt.step()
    with torch.no_grad():
        print(f"epoch {epoch} val_loss: {float(w(torch.ones(1, 2)).pow(2))}")
"""


def reports(path, *arguments, trial=None, steps_by="optimizer", **more):
    program = Program(path, arguments, folder=path.parent, steps_by=steps_by)
    run = Run(program, trial or Trial({}, seed=1, budget=10**6), **more)
    return list(run.reports())


def test_each_step_is_reported_and_what_an_epoch_says_belongs_to_its_last_step(script):
    seen = reports(script(TRAINS))
    assert [r.step for r in seen] == list(range(12))
    assert [r.step for r in seen if "val_loss" in r.metrics] == [3, 7, 11]
    assert all("train_loss" in r.metrics for r in seen)


def test_the_budget_ends_it_after_what_its_last_step_says(script):
    seen = reports(script(TRAINS), most_steps=8)
    assert [r.step for r in seen] == list(range(8))
    assert "val_loss" in seen[-1].metrics


def test_a_run_shorter_than_its_first_score_goes_on_until_there_is_one(script):
    seen = reports(script(TRAINS), most_steps=2, metric="val_loss")
    assert [r.step for r in seen] == list(range(4))
    assert "val_loss" in seen[-1].metrics


LOADS = """
import sys, torch
from torch.utils.data import DataLoader, TensorDataset
w = torch.nn.Linear(2, 1)
opt = torch.optim.SGD(w.parameters(), lr=0.1)
data = TensorDataset(torch.ones(64, 2))
for epoch in range(2):
    for (x,) in DataLoader(data, batch_size=int(sys.argv[1])):
        opt.zero_grad(); w(x).pow(2).mean().backward(); opt.step()
    print(f"epoch {epoch} val_loss: {epoch}")
"""


@pytest.mark.parametrize("size", [4, 8, 16, 32])
def test_steps_are_those_of_the_default_whatever_the_size_of_a_batch(script, size):
    """The default has 8 batches of 8; a whole run ends at step 16 of 16 with every size."""
    seen = reports(script(LOADS), str(size), batches=8)
    assert seen[-1].step == 15
    assert [r.step for r in seen if "val_loss" in r.metrics] == [7, 15]
    short = reports(script(LOADS), str(size), batches=8, most_steps=8)
    assert short[-1].step == 7


def test_models_are_shown_by_the_names_they_have_in_the_script(script):
    trial = Trial({}, seed=1, budget=10**6)
    reports(script(TRAINS), trial=trial)
    assert list(trial.modules) == ["w"]
    assert len(trial.optimizers) == 1


def test_a_loop_that_moves_weights_by_hand_steps_at_its_backward_passes(script):
    text = """
import torch
w = torch.zeros(1, requires_grad=True)
for _ in range(5):
    loss = (w - 1).pow(2).sum()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad.zero_()
"""
    seen = reports(script(text), steps_by="backward")
    losses = [r.metrics["train_loss"] for r in seen]
    assert len(losses) == 5
    assert losses == sorted(losses, reverse=True)


def test_without_gradients_each_group_of_numbers_is_a_step(script):
    text = "for e in range(4):\n    print(f'loss: {1 / (e + 1)}')\n    print(f'acc: {e / 4}')\n"
    seen = reports(script(text), steps_by="said")
    assert [r.metrics for r in seen] == [{"loss": 1 / (e + 1), "acc": e / 4} for e in range(4)]


def test_two_optimisers_in_turn_make_one_step_a_round(script):
    text = """
import torch
a, b = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
one, two = (torch.optim.SGD(m.parameters(), lr=0.1) for m in (a, b))
for _ in range(6):
    for m, o in ((a, one), (b, two)):
        o.zero_grad(); m(torch.ones(1, 1)).sum().backward(); o.step()
"""
    assert [r.step for r in reports(script(text))] == list(range(6))


def test_an_optimiser_made_anew_each_epoch_goes_on_counting():
    class Optimizer:
        pass

    leader, steps = Leader(), 0
    for _ in range(3):
        optimizer = Optimizer()
        steps += sum(leader.stepped(optimizer) for _ in range(5))
    assert steps == 15


def test_reports_thin_out_and_never_by_more_than_a_sixty_fourth():
    due = [step for step in range(100_000) if is_due(step)]
    assert due[:DENSE] == list(range(DENSE))
    assert all((b - a) * 64 <= b for a, b in zip(due[DENSE:], due[DENSE + 1 :], strict=False))
    assert len(due) < 900


def picture():
    """What a process is like: everything that a script may change in it."""
    return {
        "argv": list(sys.argv), "path": list(sys.path), "main": sys.modules["__main__"],
        "cwd": Path.cwd(), "environment": dict(os.environ), "dtype": torch.get_default_dtype(),
        "streams": (sys.stdout, sys.stderr), "hook": sys.excepthook, "input": builtins.input,
        "grad": torch.is_grad_enabled(), "inference": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"), "filters": list(warnings.filters),
        "signals": [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGUSR1)],
        "backward": torch.autograd.backward, "step hooks": len(
            optimizer._global_optimizer_post_hooks),
        "module init": torch.nn.Module.__init__, "exit": os._exit,
        "finders": list(sys.meta_path), "cudnn": torch.backends.cudnn.benchmark,
        "precision": torch.get_float32_matmul_precision(),
        "own": sorted(n for n in sys.modules if n in ("helper", "model")),
        "threads": threading.active_count(),
    }  # fmt: skip


VANDAL = """
import logging, os, signal, sys, warnings
import torch
import helper
os.environ["HOMEOSTAT_TEST"] = "1"
os.environ.pop("HOME", None)
sys.path.append("/nowhere")
sys.argv.append("x")
signal.signal(signal.SIGTERM, lambda *_: None)
signal.signal(signal.SIGUSR1, lambda *_: None)
warnings.simplefilter("ignore")
logging.basicConfig(level=logging.DEBUG)
sys.excepthook = lambda *_: None
torch.backends.cudnn.benchmark = True
torch.set_float32_matmul_precision("high")
os.makedirs("deeper", exist_ok=True); os.chdir("deeper")
w = torch.nn.Linear(1, 1)
opt = torch.optim.SGD(w.parameters(), lr=0.1)
torch.autograd.set_grad_enabled(False)
with torch.enable_grad():
    for _ in range(3):
        opt.zero_grad(); w(torch.ones(1, 1)).sum().backward(); opt.step()
        print("val_loss: 0.5")
{end}
"""


@pytest.mark.parametrize(
    "end", ["", "sys.exit(0)", "os._exit(0)", "sys.exit('no')", "raise ValueError", "1 / 0"]
)
def test_whatever_a_script_does_to_its_process_is_put_back(script, end):
    script("VALUE = 1\n", "helper.py")
    path = script(VANDAL.replace("{end}", end))
    before = picture()
    grad = torch.is_grad_enabled()
    try:
        reports(path)
    except (WorkloadError, ValueError, ZeroDivisionError):
        assert end
    torch.set_grad_enabled(grad)  # given back by the attempt's isolation, one floor above
    assert picture() == before


def test_between_two_reports_the_process_is_the_drivers(script):
    path = script(
        "import os, torch\nos.makedirs('deeper'); os.chdir('deeper')\n"
        "w = torch.nn.Linear(1, 1); opt = torch.optim.SGD(w.parameters(), lr=0.1)\n"
        "for _ in range(3):\n"
        "    w(torch.ones(1, 1)).sum().backward(); opt.step()\n"
        "    assert os.getcwd().endswith('deeper')\n"
        "    with torch.inference_mode():\n        print('val_loss: 1')\n"
    )
    run = Run(Program(path, (), folder=path.parent), Trial({}, seed=1, budget=9))
    here, out, main = Path.cwd(), sys.stdout, sys.modules["__main__"]
    for _ in run.reports():
        assert Path.cwd() == here
        assert sys.stdout is out
        assert sys.modules["__main__"] is main
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()


def test_own_modules_are_imported_afresh_and_another_scripts_are_left_alone(script, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "helper.py").write_text("VALUE = 'theirs'\n")
    (other / "train.py").write_text("import helper\nprint(f'score: {len(helper.VALUE)}')\n")
    script("VALUE = 1\n", "helper.py")
    path = script("import helper\nhelper.VALUE += 1\nprint(f'score: {helper.VALUE}')\n")
    for _ in range(2):
        assert reports(path, steps_by="said")[0].metrics == {"score": 2}
    assert reports(other / "train.py", steps_by="said")[0].metrics == {"score": 6}


def test_it_sees_what_it_sees_under_python(script, capfd):
    import subprocess

    text = (
        "import os, sys, pickle\nclass Net: pass\n"
        "assert pickle.loads(pickle.dumps(Net())).__class__ is Net\n"
        "print(sorted(k for k in globals() if k.startswith('__')))\n"
        "print(__name__, __file__, sys.argv, sys.path[0], os.getcwd(), __spec__, __package__)\n"
    )
    path = script(text)
    reports(path, "--lr", "1", steps_by="said")
    ours = capfd.readouterr().out.splitlines()
    done = subprocess.run(
        [sys.executable, str(path), "--lr", "1"], capture_output=True, text=True, check=True
    )
    theirs = done.stdout.splitlines()
    assert ours[1] == theirs[1]
    assert set(eval(ours[0])) - {"__annotations__"} == set(eval(theirs[0])) - {"__annotations__"}


def test_a_script_that_catches_everything_is_ended_all_the_same(script):
    text = (
        TRAINS.replace("    for _ in range(4):", "    for _ in range(4):\n      try:")
        .replace("        loss = ", "        loss = ")
        .replace("; opt.step()", "; opt.step()\n      except: pass")
    )
    assert len(reports(script(text), most_steps=5)) == 5


def test_input_is_refused_with_the_line_that_asks(script):
    with pytest.raises(WorkloadError, match=r"train.py:2: it asks for input\('Rate\?'\)"):
        reports(script("import os\nrate = input('Rate?')\n"), steps_by="said")


@pytest.mark.parametrize(
    "draw",
    [
        "torch.manual_seed(7); x = float(torch.rand(()))",
        "np.random.seed(7); x = np.random.rand()",
        "random.seed(7); x = random.random()",
    ],
)
def test_a_script_that_seeds_itself_draws_otherwise_for_other_trials(script, draw):
    path = script(f"import random, torch, numpy as np\n{draw}\nprint(f'val_loss: {{x!r}}')\n")

    def drawn(shift):
        (report,) = reports(path, steps_by="said", shift=shift)
        return report.metrics["val_loss"]

    names = {"torch": torch, "np": np, "random": random}
    exec(draw, names)  # the same three lines, by hand
    assert drawn(0) == names["x"] == drawn(0)
    assert drawn(1) == drawn(1) != drawn(0)
    exec(draw, names)
    assert names["x"] == drawn(0), "the functions are given back"


def test_what_a_library_logs_is_read_and_hidden_as_what_is_printed(script):
    import logging

    handler = logging.StreamHandler(sys.__stderr__)  # made when the library was imported
    logger = logging.getLogger("a_library")
    logger.addHandler(handler)
    late = logging._StderrHandler()  # one that looks for the stream when it writes
    other = logging.getLogger("another_library")
    other.addHandler(late)
    path = script("import logging\nlogging.getLogger('a_library').error('val_loss: 0.25')\n")
    try:
        (report,) = reports(path, steps_by="said")
        assert report.metrics == {"val_loss": 0.25}
        assert handler.stream is sys.__stderr__
    finally:
        logger.removeHandler(handler)
        other.removeHandler(late)


def test_an_exit_code_is_told_with_what_was_said_last(script):
    text = "import sys\nprint('no such file: x.csv', file=sys.stderr)\nsys.exit(3)\n"
    with pytest.raises(WorkloadError, match=r"exits with code 3: no such file: x.csv"):
        reports(script(text), steps_by="said")


def test_constants_in_the_source_take_other_values(script):
    path = script("LR = 0.1\nprint(f'score: {LR}')\n")
    program = Program(path, folder=Path.cwd(), steps_by="said", constants={(1, 5): 0.5})
    assert next(Run(program, Trial({}, budget=9)).reports()).metrics == {"score": 0.5}
