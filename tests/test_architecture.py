"""The house stands as ARCHITECTURE.md draws it: imports point downwards only."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "homeostat"

# From the ground up; a floor may use those below it, and nothing above or beside.
FLOORS = (
    ("errors", "own_time", "version", "wording"),
    ("space", "data", "extras"),
    ("record",),
    ("logs",),
    ("workload", "starters"),
    ("script",),
    ("execute", "callbacks"),
    ("evidence", "notes"),
    ("inspect", "sample", "prune"),
    ("study",),
    ("search",),
    ("design",),
    ("pages",),
    ("plan", "doctor", "demo", "export", "bridges"),
    ("dashboard",),
    ("cli",),
    # Found by entry points, as anybody's own are: nothing below names one.
    ("workloads",),
)
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def imports(path: Path, *, also_for_types: bool) -> set[str]:
    """Rooms of homeostat that a file imports anywhere, also inside functions."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = set()
    if not also_for_types:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                skipped |= {id(child) for child in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("homeostat.")}
    return found


def rooms() -> list[str]:
    entries = {
        path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in SOURCE.rglob("*.py")
    }
    return sorted(entries - {"__init__", "__main__"})


def test_every_room_has_its_floor():
    assert set(rooms()) <= set(LEVEL)


@pytest.mark.parametrize("room", rooms())
def test_imports_point_downwards(room):
    files = [SOURCE / f"{room}.py"] if (SOURCE / f"{room}.py").exists() else []
    files += (SOURCE / room).rglob("*.py")
    assert files
    for path in files:
        for used in imports(path, also_for_types=False) - {room}:
            if used in LEVEL:
                assert LEVEL[used] < LEVEL[room], f"{path.relative_to(SOURCE)} imports {used}"


def modules() -> dict[str, Path]:
    """Every file by the name it is imported by."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imported(path: Path, known: set[str]) -> set[str]:
    """The files of homeostat that a file imports: lazily and for types only as well."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(name if name in known else node.module)
    return found & known


def test_no_files_import_each_other_even_lazily_or_for_types():
    files = modules()
    graph = {name: imported(path, set(files)) for name, path in files.items()}
    # The package itself lists what others define, and nothing inside it imports the package.
    TopologicalSorter(graph).prepare()


def test_the_core_does_not_know_a_workload_by_name():
    names = [
        path.name for path in (SOURCE / "workloads").iterdir() if (path / "workload.py").exists()
    ]
    assert names
    for path in SOURCE.rglob("*.py"):
        inside = path.relative_to(SOURCE).parts[0]
        # An extra of the installation may be called what its workload is called.
        if inside in ("workloads", "cli", "extras.py"):
            continue
        tree = ast.parse(path.read_text())
        code = {
            n.value
            for n in ast.walk(tree)
            if isinstance(n, ast.Constant) and isinstance(n.value, str)
        }
        for name in names:
            assert name not in code, f"{path.relative_to(SOURCE)} speaks of {name}"


def test_nothing_that_a_path_names_is_unpickled():
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not names & {"pickle", "cPickle", "dill", "joblib", "shelve"}, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = ast.unparse(node.func)
                assert called not in ("torch.load", "pd.read_pickle"), path
                if called == "np.load":
                    (allowed,) = [k.value for k in node.keywords if k.arg == "allow_pickle"]
                    assert ast.unparse(allowed) == "False", path


def _names_its_encoding(call: ast.Call, name: str) -> bool:
    """Whether a call that reads or writes text says in which encoding."""
    if any(k.arg == "encoding" for k in call.keywords):
        return True
    if name in ("read_text", "write_text"):
        return False
    position = 1 if isinstance(call.func, ast.Name) else 0
    modes = [k.value for k in call.keywords if k.arg == "mode"] + call.args[position : position + 1]
    return bool(modes) and isinstance(modes[0], ast.Constant) and "b" in str(modes[0].value)


def test_whatever_reads_or_writes_text_names_its_encoding():
    # The locale's would be another one on another machine: results are read on several.
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", "")
            builtin = isinstance(node.func, ast.Name) and node.func.id == "open"
            of_path = name == "open" and node.args and isinstance(node.args[0], ast.Constant)
            if name in ("read_text", "write_text") or builtin or of_path:
                assert _names_its_encoding(node, name), f"{path}:{node.lineno}"


AMOUNTS = {"budget", "seeds", "seed", "trials", "jobs", "top", "budget_s", "timeout_s"}
"""Where 0 or an empty list is something a person can give, and no default is meant by it."""


def test_an_amount_of_nothing_is_no_absent_one():
    # `budget or default` takes the 0 that somebody typed for nothing typed, and goes on in silence.
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
                for value in node.values[:-1]:
                    name = getattr(value, "id", getattr(value, "attr", ""))
                    assert name not in AMOUNTS, f"{path}:{node.lineno}: {ast.unparse(node)}"


def test_a_class_name_stands_for_one_thing():
    """In the workloads too, for private and nested classes alike: a name is looked up once."""
    defined: dict[str, list[str]] = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                place = f"{path.relative_to(SOURCE)}:{node.lineno}"
                defined.setdefault(node.name.lstrip("_"), []).append(place)
    twice = {name: places for name, places in defined.items() if len(places) > 1}
    assert twice == {}


def test_runs_are_made_in_one_place():
    """Whoever wants configurations run over seeds asks `execute.measure`; engines take jobs."""
    makers = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Job"
    }
    # A worker process makes again the job that it was sent.
    assert makers == {"execute/measure.py", "execute/engines/messages.py"}, makers
