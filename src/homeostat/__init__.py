"""Homeostat: why a network does not train, which knobs are connected, which setting is best."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from homeostat.version import __version__ as __version__

if TYPE_CHECKING:
    from homeostat.bridges.search_cv import HomeostatSearchCV
    from homeostat.design.screen.screen import screen
    from homeostat.evidence.compare import compare
    from homeostat.evidence.verify import verify
    from homeostat.execute.run import resume, run
    from homeostat.export.export import export
    from homeostat.inspect.diagnose.diagnosis import Diagnosis
    from homeostat.inspect.diagnose.examine import diagnose
    from homeostat.inspect.probe.audit import probe
    from homeostat.plan.tune import TuneResult, tune
    from homeostat.record.runs import RunRecord
    from homeostat.script.bridge import report
    from homeostat.search.result import SearchResult
    from homeostat.search.search import change, search
    from homeostat.space import Bool, Choice, Config, Derived, Fixed, Float, Int, Rule, Space, Text
    from homeostat.study.import_results import import_results
    from homeostat.study.store import Store
    from homeostat.study.study import Study
    from homeostat.workload.report import Report
    from homeostat.workload.trial import Trial
    from homeostat.workload.view import View
    from homeostat.workload.workload import Workload, workload

# Every public name and the module it is imported from on first use.
_HOME = {
    "Bool": "homeostat.space",
    "Choice": "homeostat.space",
    "Config": "homeostat.space",
    "Derived": "homeostat.space",
    "Diagnosis": "homeostat.inspect.diagnose.diagnosis",
    "Fixed": "homeostat.space",
    "Float": "homeostat.space",
    "HomeostatSearchCV": "homeostat.bridges.search_cv",
    "Int": "homeostat.space",
    "Report": "homeostat.workload.report",
    "Rule": "homeostat.space",
    "RunRecord": "homeostat.record.runs",
    "SearchResult": "homeostat.search.result",
    "Space": "homeostat.space",
    "Store": "homeostat.study.store",
    "Study": "homeostat.study.study",
    "Text": "homeostat.space",
    "Trial": "homeostat.workload.trial",
    "TuneResult": "homeostat.plan.tune",
    "View": "homeostat.workload.view",
    "Workload": "homeostat.workload.workload",
    "change": "homeostat.search.search",
    "compare": "homeostat.evidence.compare",
    "diagnose": "homeostat.inspect.diagnose.examine",
    "export": "homeostat.export.export",
    "import_results": "homeostat.study.import_results",
    "probe": "homeostat.inspect.probe.audit",
    "report": "homeostat.script.bridge",
    "resume": "homeostat.execute.run",
    "run": "homeostat.execute.run",
    "screen": "homeostat.design.screen.screen",
    "search": "homeostat.search.search",
    "tune": "homeostat.plan.tune",
    "verify": "homeostat.evidence.verify",
    "workload": "homeostat.workload.workload",
}

__all__ = [
    "Bool",
    "Choice",
    "Config",
    "Derived",
    "Diagnosis",
    "Fixed",
    "Float",
    "HomeostatSearchCV",
    "Int",
    "Report",
    "Rule",
    "RunRecord",
    "SearchResult",
    "Space",
    "Store",
    "Study",
    "Text",
    "Trial",
    "TuneResult",
    "View",
    "Workload",
    "change",
    "compare",
    "diagnose",
    "export",
    "import_results",
    "probe",
    "report",
    "resume",
    "run",
    "screen",
    "search",
    "tune",
    "verify",
    "workload",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'homeostat' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


class _Public(ModuleType):
    """Keeps `hs.workload` the decorator: importing the package homeostat.workload, as Python does
    it, would put the package in its place. The same for every public name that is a package's too.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and name in _HOME):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Public
