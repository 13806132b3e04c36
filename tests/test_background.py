"""The tests themselves, as a job in the background of a shell, where Ctrl-C is ignored."""

import subprocess
import sys
from pathlib import Path

CHECK = """
import runpy, signal, sys
assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
runpy.run_path(sys.argv[1])
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""


def test_ctrl_c_is_heard_where_the_shell_ignores_it():
    line = 'trap "" INT; "$1" -c "$2" "$3"'
    conftest = str(Path(__file__).with_name("conftest.py"))
    subprocess.run(["sh", "-c", line, "sh", sys.executable, CHECK, conftest], check=True)
