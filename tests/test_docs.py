"""The pages are true: links lead somewhere, and the commands they show exist with these options."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from homeostat.cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)")
COMMAND = re.compile(r"(?:^|`|\$ )(homeostat [a-z][^`\n#]*)", re.M)
HOMEOSTAT = typer.main.get_command(app)


def commands(page: Path) -> list[str]:
    found = COMMAND.findall(page.read_text())
    return [re.split(r"\s{2,}|\s\|\s", text.strip())[0] for text in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    targets = [t for t in LINK.findall(page.read_text()) if not t.startswith(("http", "mailto:"))]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
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
        for word in words[1:]:
            if word.startswith("--"):
                option = re.split(r"[=,;.\])]", word)[0]
                assert option in known | {"--help"}, f"{page.name}: {text}: {option}"


def test_the_readme_shows_a_command_in_its_first_thirty_lines():
    head = "\n".join((ROOT / "README.md").read_text().splitlines()[:30])
    assert "homeostat diagnose" in head
