"""The demonstration: what it says is measured, and its three faults are the ones that are found."""

import json
import os
import subprocess
import sys

import pytest

from homeostat.demo.script import (
    KNOB_UNCONNECTED,
    ROOT_AT_ZERO,
    ROWS_IN_BOTH,
    faulty,
    repair,
    write_first,
)
from homeostat.errors import RecordError


def test_each_edit_changes_one_line_of_the_script():
    text = faulty()
    for edit in (ROOT_AT_ZERO, ROWS_IN_BOTH, KNOB_UNCONNECTED):
        after = edit.apply(text)
        pairs = zip(text.splitlines(), after.splitlines(), strict=True)
        changed = [n for n, (one, two) in enumerate(pairs, 1) if one != two]
        assert changed == [edit.line_of(text)]
        text = after
    compile(text, "train.py", "exec")


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "train.py").write_text("print('mine')\n", encoding="utf-8")
    with pytest.raises(RecordError, match="not from a demonstration"):
        write_first(tmp_path)
    assert (tmp_path / "train.py").read_text(encoding="utf-8") == "print('mine')\n"


def test_it_can_be_played_again_in_its_own_folder(tmp_path):
    script = write_first(tmp_path / "demo")
    repair(script, ROOT_AT_ZERO)
    assert write_first(tmp_path / "demo").read_text(encoding="utf-8") == faulty()


@pytest.mark.slow
def test_the_three_faults_are_named_and_the_gain_is_sure(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "homeostat", "demo", "--no-open", "--json"],
        cwd=tmp_path, capture_output=True, text=True, env=dict(os.environ), timeout=900,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert "Sqrt" in told["cause"]
    assert len(told["faults"]) == 2
    assert any("--dropout" in fault for fault in told["faults"])
    assert any("497 of 497 validation rows" in fault for fault in told["faults"])
    assert told["verdict"]["status"] == "confirmed"
    assert told["verdict"]["gain"]["low"] > 0
