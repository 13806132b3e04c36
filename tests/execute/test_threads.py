"""An attempt has one thread, and afterwards the caller has as many as before."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import torch

from homeostat.execute import run
from homeostat.execute.loop.threads import one_thread


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def every_count():
    """What PyTorch says of each library it uses, the MKL that it carries inside included."""
    return set(
        re.findall(
            r"(?:max_threads\(\)|get_num_threads\(\)) : (\d+)", torch.__config__.parallel_info()
        )
    )


def test_pytorch_and_what_it_carries_are_limited_and_given_back(two_threads):
    for _ in range(2):  # a second attempt in the same process as well
        assert every_count() == {"2"}
        undo = one_thread()
        assert every_count() == {"1"}
        undo()
    assert every_count() == {"2"}
    assert torch.get_num_threads() == 2


LAZY = """
import importlib.util, json, sys
import homeostat as hs
from homeostat.workload import load
from homeostat.execute import run
assert "torch" not in sys.modules
for _ in range(int(sys.argv[2])):
    importlib.util.find_spec("torch")

def asks(event):
    importlib.util.find_spec("torch")

attempts = run(sys.argv[1] + ":lazy", seeds=2, results=sys.argv[3], on_event=asks).attempts
print(json.dumps([[a.values["loss"], a.extra["threads"]] for a in attempts]))
"""
LOOP = """
import importlib.util
import homeostat as hs
@hs.workload(space=hs.Space(lr=hs.Float(0.1, 1.0)), metric="loss", goal="minimize", budget=2)
def lazy(config, trial):
    for _ in range(3):
        importlib.util.find_spec("torch")  # as libraries do to see what they may use
    import torch
    trial.extra["threads"] = torch.get_num_threads()
    yield hs.Report(0, loss=torch.rand(()))
"""


def test_pytorch_is_seeded_and_limited_however_often_somebody_asked_for_it_before(tmp_path):
    path = tmp_path / "lazy.py"
    path.write_text(LOOP)
    outputs = set()
    for times in (0, 1, 3):
        command = [sys.executable, "-c", LAZY, str(path), str(times), str(tmp_path / str(times))]
        outputs.add(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    [output] = outputs
    (first, threads), (second, _) = json.loads(output)
    assert threads == 1
    assert first != second
    torch.manual_seed(0)  # here it is loaded: the same numbers as where it comes later
    again = run(f"{path}:lazy", seeds=2, results=tmp_path / "here").attempts
    assert [a.values["loss"] for a in again] == [first, second]
