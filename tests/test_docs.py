"""The pages are true: links lead somewhere, commands exist and parse, snippets run."""

import os
import re
import shlex
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest
import typer

from homeostat.cli.examples import EXAMPLES
from homeostat.cli.main import app
from homeostat.cli.pages import pages
from homeostat.workload.command_file import load as load_command_file
from homeostat.workload.installed import installed_workloads

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)")
COMMAND = re.compile(r"(?:^|`|\$ )(homeostat [a-z][^`\n#]*)", re.M)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
HOMEOSTAT = typer.main.get_command(app)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())


def commands(page: Path) -> list[str]:
    found = COMMAND.findall(page.read_text(encoding="utf-8"))
    return [re.split(r"\s{2,}|\s\|\s", text.strip())[0] for text in found]


def blocks(page: Path, language: str) -> list[str]:
    return [
        text for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language
    ]


def parse(text: str) -> None:
    """Read a command line as the command itself would, without doing it."""
    name, *words = shlex.split(text, comments=True)
    command, context = HOMEOSTAT, HOMEOSTAT.make_context(name, list(words))
    while hasattr(command, "commands") and words:
        name, command, words = command.resolve_command(context, words)
        context = command.make_context(name, list(words), parent=context)


@each_page
def test_links_lead_somewhere(page):
    targets = [t for t in LINK.findall(page.read_text()) if not t.startswith(("http", "mailto:"))]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


@each_page
def test_commands_exist_with_the_options_shown(page):
    for text in commands(page):
        words = shlex.split(text, posix=False)[1:]
        command = HOMEOSTAT.commands.get(words[0].rstrip(",;.:"))
        assert command is not None, text
        known = {option for parameter in command.params for option in parameter.opts}
        known |= {option for p in command.params for option in p.secondary_opts}
        subcommands = getattr(command, "commands", {})
        for sub in subcommands.values():
            known |= {option for parameter in sub.params for option in parameter.opts}
        # What stands after a bare -- is a script's own.
        for word in takewhile(lambda word: word != "--", words[1:]):
            if word.startswith("--"):
                option = re.split(r"[=,;.\])]", word)[0]
                assert option in known | {"--help"}, f"{page.name}: {text}: {option}"


@each_page
def test_commands_at_a_prompt_are_read_without_a_complaint(page):
    for block in blocks(page, ""):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("$ homeostat ") and "--help" not in line:
                parse(line.removeprefix("$ "))


def test_a_command_that_does_not_exist_would_be_found():
    for wrong in ("homeostat tune x --buget 3m", "homeostat tuen x", "homeostat best --top 0"):
        with pytest.raises(typer.TyperException):
            parse(wrong)


def test_every_command_has_an_example_that_is_read_without_a_complaint():
    assert set(EXAMPLES) == set(HOMEOSTAT.commands)
    for name, examples in EXAMPLES.items():
        assert examples
        for text, _ in examples:
            assert text.split()[:2] == ["homeostat", name]
            parse(text)


def test_the_commands_pages_are_those_the_commands_would_make():
    made = pages(beside=DOCS)
    kept = {path.name: path.read_text() for path in (DOCS / "commands").glob("*.md")}
    assert kept == made, "the pages are out of date; write them anew:  make pages"


def test_the_index_leads_to_every_page_and_every_workload_has_one():
    index = (DOCS / "README.md").read_text()
    listed = {DOCS / target for target in LINK.findall(index)}
    missing = [path.name for path in DOCS.glob("*.md") if path not in listed | {DOCS / "README.md"}]
    assert missing == []
    assert all((DOCS / f"{name}.md").exists() for name in installed_workloads())


@pytest.mark.parametrize("name", ["your_model.md", "loops.md", "concepts.md", "integrations.md"])
def test_the_python_on_a_page_runs_from_top_to_bottom(name, tmp_path):
    if name == "your_model.md":
        pytest.importorskip("lightning")
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks(DOCS / name, "python")))
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False,
        timeout=240, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_command_files_on_a_page_are_read_without_a_complaint(tmp_path):
    for i, text in enumerate(blocks(DOCS / "your_model.md", "yaml")):
        path = tmp_path / f"{i}.yaml"
        path.write_text(text)
        assert load_command_file(path).command


def test_the_readme_shows_a_command_in_its_first_thirty_lines():
    head = "\n".join((ROOT / "README.md").read_text().splitlines()[:30])
    assert "homeostat diagnose" in head
