"""Inputs that nobody would write on purpose, made by generators that know the grammar: YAML of
every kind, logs, arguments, and requests to the dashboard. A clear line is fine.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from tests.torture.crash import Table
from tests.torture.damage import damage
from tests.torture.files import make
from tests.torture.loops import SPACE, walk

from homeostat.dashboard.app import make_app
from homeostat.errors import HomeostatError
from homeostat.evidence.claims import load_claims
from homeostat.logs.read import parse_log
from homeostat.notes.markdown import parse as parse_notes
from homeostat.plan.budget import parse_duration
from homeostat.record.names import checked_name
from homeostat.space.configs import load as load_config
from homeostat.workload.load import find

COMMAND = {
    "command": ["./train.sh", "{lr}", "{momentum}", "{budget}", "{seed}", "{folder}", "{batch}",
                "{schedule}", "{decay}"],
    "space": {
        "lr": {"float": [1e-4, 1], "log": True, "default": 1e-3, "help": "Step."},
        "momentum": {"float": [0, 0.95], "default": 0.5, "when": {"schedule": "cosine"}},
        "batch": {"int": [1, 64], "log": True, "tier": 2},
        "schedule": {"choice": ["constant", "cosine"], "tier": 2},
        "decay": {"value": 0.1, "why": "settled"},
    },
    "rules": [{"when": {"schedule": "cosine"}, "set": {"batch": 8}, "why": "it says so"}],
    "metric": "loss", "goal": "minimize", "budget": 30, "bounds": {"loss": [0, 100]},
    "env": {"A": "{lr}"}, "metrics": {"jsonl": "metrics.jsonl"}, "timeout": 60, "unit": "epoch",
    "name": "mine", "description": "A command.", "cwd": "{here}", "configs": "configs",
}  # fmt: skip
CONFIG = {
    "extends": "other", "description": "One.", "budget": 20, "seeds": 3,
    "parameters": {"lr": 0.01, "width": 4, "kind": "a"},
}  # fmt: skip
CLAIMS = {
    "baseline": "base", "samples": ["width"], "group": "g",
    "claims": {
        "faster": {"change": {"lr": 0.5}, "expected": [2, 5], "reason": "It falls evenly."},
        "wider": {"change": {"width": 8}, "budget": 2.0},
    },
}  # fmt: skip
SCALARS: list[Any] = [
    None, True, False, 0, 1, -1, 5, 10**25, 0.5, float("nan"), float("inf"), -1e300, "", "abc",
    "{lr}", "{", "{}", "{--lr}", "lr", "cosine", "../x", "\0", "<<", "1e999", "é" * 5, " ", "10s",
    [], {}, [1, 2], [[]], {"a": 1}, {"float": [0, 1]}, [0, 1, 2], ["a", "a"], 2**63,
]  # fmt: skip
STRAY = (
    *("", "[", "{", "&a [*a]", "9" * 401, "9" * 5000, "? [1]", "[" * 1500, "\t", "- ", ": ", "#"),
    *(
        "!!python/object:os.x ",
        "<<: 3\n",
        "*b",
        "&b ",
        "|",
        ">",
        "%YAML 9\n",
        "---\n",
        "2026-01-01",
    ),
)
LOGS = (
    "Epoch 1/3\n10/10 - 1s - loss: 0.52 - val_loss: 0.61\nEpoch 2/3\n10/10 - 1s - loss: 0.41\n",
    "epoch,step,train_loss,val_loss\n0,9,0.5,\n0,9,,0.6\n1,19,0.4,\n",
    '{"lr": 0.1}\n{"step": 1, "loss": 0.5, "opt": {"norm": 2}}\n{"step": 2, "loss": 0.4}\n',
    "lr=1e-3\nepoch 1 loss=0.52 acc: 0.7\nepoch 2 loss=0.41\n",
    "| epoch | loss |\n|---|---|\n| 1 | 0.5 |\n| 2 | 0.4 |\n",
    "# Notes\n\n## Run 3: a first try\n\n* learning rate: 1e-3\n* loss: 0.5 -> 0.4\n",
    "2026-01-01 10:00:00 INFO step 10 loss 0.5 lr 1.0e-4 eta 0:10:00\nstep 20 loss 0.4\n",
)
WORDS = (
    *("\0", ",", '"', "\r", "nan", "1e999", "-inf", "9" * 400, "{" * 2000, "\x1b[31m", "\n\n"),
    *(
        "epoch epoch",
        "Epoch 1/0",
        "\u2028",
        "loss:",
        "step=",
        "|",
        "%",
        "1,5",
        "1.234.567",
        "\ufeff",
    ),
)


def _places(content: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way]
    items = content.items() if isinstance(content, dict) else ()
    items = enumerate(content) if isinstance(content, list) else items
    for key, inner in items:
        found += _places(inner, (*way, key))
    return found


def _changed(content: Any, way: tuple[Any, ...], value: Any, how: str) -> Any:
    if not way:
        return value
    copy = dict(content) if isinstance(content, dict) else list(content)
    if len(way) > 1:
        copy[way[0]] = _changed(copy[way[0]], way[1:], value, how)
    elif how == "drop":
        del copy[way[0]]
    elif how == "rename" and isinstance(copy, dict):
        key = value if isinstance(value, (str, int, float, bool)) else str(value)
        copy[key] = copy.pop(way[0])
    else:
        copy[way[0]] = value
    return copy


def document(content: dict[str, Any], rng: random.Random) -> str:
    """A YAML document near a good one."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        if not isinstance(content, dict):
            break
        way = rng.choice(_places(content))
        how = rng.choice(("set", "set", "drop", "rename"))
        content = _changed(content, way, rng.choice(SCALARS), how)
    text = str(yaml.safe_dump(content, sort_keys=False))
    if rng.random() < 0.3 and text:
        first, last = sorted((rng.randrange(len(text)), rng.randrange(len(text))))
        last = min(last, first + 20)
        text = text[:first] + rng.choice(STRAY) + text[last:]
    return text


def log(rng: random.Random) -> str:
    """A log near a good one, in pieces of several dialects."""
    text = rng.choice(LOGS)
    if rng.random() < 0.2:
        text += rng.choice(LOGS)
    for _ in range(rng.randrange(1, 4)):
        first, last = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        text = text[:first] + rng.choice(WORDS) + text[min(last, first + 30) :]
    return text


def argument(rng: random.Random) -> str:
    """What somebody may give to an option."""
    parts = (
        *("lr", "width", "kind", "=", ",", "..", "1", "-", "e", ".", "s", "m", "h", "a", " ", ":"),
        *("/", "\0", "'", '"', "[", "]", "{", "nan", "inf", "9" * 50, "true", "none", "é"),
    )
    return "".join(rng.choice(parts) for _ in range(rng.randrange(8)))


class Client:
    """Calls the dashboard as a server does, without one."""

    def __init__(self, results: Path) -> None:
        self._app = make_app(results)

    def ask(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> int:
        """The status of the answer."""
        return asyncio.run(self._ask(method, path, query, headers, body))

    async def _ask(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> int:
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(),
            "query_string": query.encode(), "http_version": "1.1", "scheme": "http",
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
            "server": ("localhost", 80), "client": ("127.0.0.1", 1), "root_path": "",
        }  # fmt: skip
        statuses: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await self._app(scope, receive, send)
        return statuses[0]


ROUTES = (
    *("/api/runs", "/api/run", "/api/curves", "/api/run/family", "/api/run/views", "/api/run/log"),
    *("/api/run/file", "/api/compare", "/api/run/remarks", "/api/studies", "/api/studies/{n}"),
    *("/api/studies/{n}/trials", "/api/studies/{n}/trials/{n}", "/api/studies/{n}/sections/{n}"),
    *("/api/studies/{n}/stop", "/api/replays/{n}", "/static/{n}", "/{n}", "/", "/api/{n}"),
)
METHODS = ("GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "X")
KEYS = (
    *("run", "name", "name", "file", "stem", "of", "metric", "seed", "page", "sort", "down"),
    *("find", "token", "x"),
)


def request(names: list[str], rng: random.Random) -> tuple[str, str, str, dict[str, str], bytes]:
    """A request near a good one."""

    def name() -> str:
        odd = (
            "..",
            "../..",
            "%2e%2e",
            "\0",
            "a" * 3000,
            "é",
            "-1",
            "loss",
            "history",
            "curves",
            "'",
        )
        return rng.choice(names) if rng.random() < 0.5 else rng.choice(odd)

    path = rng.choice(ROUTES)
    while "{n}" in path:
        path = path.replace("{n}", name(), 1)
    keys = rng.choices(KEYS, k=rng.randrange(4))
    query = "&".join(f"{key}={quote(rng.choice((name(), argument(rng), '42')))}" for key in keys)
    host = rng.choice(("localhost", "localhost", "localhost", "evil.example", "", "[::1]:1"))
    return rng.choice(METHODS), path, query, {"host": host}, b"x" * rng.choice((0, 0, 10, 100_000))


def _clear(kind: str, table: Table, function: Callable[..., Any], *arguments: Any) -> None:
    table.tried[kind] += 1
    try:
        function(*arguments)
    except HomeostatError as error:
        if not str(error).strip() or "\n" in str(error):
            table.note(kind, "wrong", repr(str(error)))
    except Exception as error:
        table.note(kind, "tracebacks", f"{error!r} for {repr(arguments)[:600]}")


def fuzz_yaml(count: int, table: Table, seed: int = 0) -> None:
    """Command files, configurations and claims."""
    rng = random.Random(f"yaml {seed}")

    def command(path: Path) -> None:
        found = find(str(path))
        assert set(found.space.resolve()) == set(found.space)

    def config(path: Path) -> None:
        SPACE.resolve(load_config(str(path), walk).parameters)

    readers = (
        ("fuzz: command files", COMMAND, "train.sh.yaml", command),
        ("fuzz: configurations", CONFIG, "mine.yaml", config),
        ("fuzz: claims", CLAIMS, "claims.yaml", lambda path: load_claims(path, SPACE)),
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "other.yaml").write_text("parameters: {lr: 0.1}", encoding="utf-8")
        for number in range(count):
            kind, content, name, reader = readers[number % len(readers)]
            path = Path(folder) / name
            path.write_text(document(content, rng), encoding="utf-8", errors="replace")
            try:
                _clear(kind, table, reader, path)
            finally:
                if table.examples and "{" not in table.examples[-1][-1]:
                    table.examples[-1] += f" {{{path.read_text(encoding='utf-8')[:600]!r}}}"


def fuzz_logs(count: int, table: Table, seed: int = 0) -> None:
    """Logs of other tools, and running logs."""
    rng = random.Random(f"logs {seed}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(count):
            reader = parse_notes if number % 4 == 0 else parse_log
            _clear("fuzz: logs", table, reader, log(rng))


def fuzz_arguments(count: int, table: Table, seed: int = 0) -> None:
    """Settings, durations, names of workloads and studies."""
    rng = random.Random(f"arguments {seed}")

    def settings(text: str) -> None:
        SPACE.resolve(SPACE.parse(text.split(",")))

    readers = (settings, settings, parse_duration, lambda text: checked_name(text, "a study"), find)
    for number in range(count):
        _clear("fuzz: arguments", table, readers[number % len(readers)], argument(rng))


def fuzz_requests(count: int, table: Table, seed: int = 0) -> None:
    """Requests to the dashboard."""
    rng = random.Random(f"requests {seed}")
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        make(results)
        client = Client(results)
        names = [path.parent.name for path in results.glob("*/run.json")] + ["s", "second"]
        for _ in range(count):
            asked = request(names, rng)

            def ask(*parts: Any) -> None:
                status = client.ask(*parts)
                assert status < 500, status

            _clear("fuzz: requests", table, ask, *asked)


def fuzz_damaged_yaml(count: int, table: Table, seed: int = 0) -> None:
    """Bytes that were YAML once."""
    rng = random.Random(f"damaged yaml {seed}")
    whole = json.dumps(COMMAND).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.sh.yaml"
        for _ in range(count):
            path.write_bytes(damage(whole, rng))
            _clear("fuzz: command files", table, find, str(path))
