"""A fault that is named in a workload is named in a plain script that has it.

Each loop of the public bank is rewritten mechanically: settings become options of argparse, reports
become printed lines, and nothing says any more what is trained.
"""

import importlib.util
import re
import shutil
import sys
from pathlib import Path

import pytest

from homeostat.workload import load

ROOT = Path(__file__).parents[2]
BANK = ROOT / "tests" / "inspect" / "probe" / "bank" / "public"
PLAINLY = Path(__file__).parent / "plainly.py"


def _cases_module():
    spec = importlib.util.spec_from_file_location("cases", ROOT / "benchmarks" / "cases.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["cases"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


cases = _cases_module()
FAULTS = [case for case in cases.cases(BANK) if case.expect]


def rewritten(case, folder):
    """The case as `train.py`, with the files that it needs beside it."""
    shutil.copy(PLAINLY, folder / "plainly.py")
    for file in BANK.glob("*.py"):
        text = file.read_text().replace("import homeostat as hs", "import plainly as hs")
        text = text.replace("from homeostat.workload.workload import", "from plainly import")
        (folder / file.name).write_text(text)
    module, _, name = case.name.partition("/")
    (folder / "train.py").write_text(
        f"import plainly\nimport {module}\n\nplainly.main({module}.{name}.fault)\n"
    )
    return folder / "train.py"


def test_a_rewritten_loop_has_nothing_of_homeostat(tmp_path):
    rewritten(FAULTS[0], tmp_path)
    assert not [file for file in tmp_path.glob("*.py") if "import homeostat" in file.read_text()]


@pytest.mark.slow
@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case.name)
def test_a_reported_fault_is_named_in_a_plain_script_as_in_a_workload(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = load.find(str(rewritten(case, tmp_path)))
    told = cases.judge(cases.Case(case.name, script, case.expect), 25.0)
    if told.verdict != "named":
        assert cases.judge(case, 25.0).verdict != "named", told.lines
    assert re.search(r"--epochs is its length", " ".join(script.remarks))
