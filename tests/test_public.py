"""The public names: all of them, found when used, and nothing heavy before that."""

import inspect
import subprocess
import sys

import homeostat

# What we promise. A name is added here together with the code it names.
PROMISED = {
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
}


def test_the_public_names_are_the_promised_ones_and_all_exist():
    assert set(homeostat.__all__) == PROMISED
    assert set(homeostat.__all__) == set(homeostat._HOME)
    for name in homeostat.__all__:
        assert getattr(homeostat, name).__module__.startswith("homeostat.")


def test_every_public_name_and_what_it_offers_is_described():
    for name in homeostat.__all__:
        thing = getattr(homeostat, name)
        assert inspect.getdoc(thing), name
        if inspect.isclass(thing):
            for part, value in inspect.getmembers(thing):
                offered = inspect.isroutine(value) or isinstance(value, property)
                if offered and not part.startswith("_"):
                    assert inspect.getdoc(value), f"{name}.{part}"


def test_a_name_that_is_a_package_too_stays_the_public_one():
    import homeostat.workload.report

    assert homeostat.workload is sys.modules["homeostat.workload.workload"].workload


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(homeostat, "tuen")


def test_importing_homeostat_loads_nothing_heavy():
    code = (
        "import sys, homeostat; homeostat.Space; homeostat.workload; "
        "heavy = {'numpy', 'torch', 'optuna', 'pandas', 'yaml', 'sqlalchemy'}; "
        "print(sorted(heavy & {*sys.modules}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
