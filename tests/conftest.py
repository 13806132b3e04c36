"""What every test begins with."""

import os
import signal

import pytest

# A job in the background of a shell (`nohup`, `trap "" INT`) is started with Ctrl-C ignored, and so
# is every process that the tests start in turn: those that press it would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

IN_CI = os.environ.get("CI") == "true"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where CI=true everything is at hand: a test that is skipped there has failed."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped with CI=true: {report.longrepr[-1]}"
    return report
