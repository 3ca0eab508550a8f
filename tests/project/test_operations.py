"""Each section of the page on operations names the tests that prove it."""

import ast
import re
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)+)", PAGE, re.MULTILINE))


def named_in(section):
    """What a section names: pairs of a file and a function, or ``*`` for all of it."""
    (named,) = re.findall(r"<!-- tested:(.*?)-->", section, re.DOTALL)
    return [one.split("::") for one in named.split()]


@pytest.mark.parametrize("title", SECTIONS)
def test_a_statement_has_a_test(title):
    """Which is there; the page is wrong when it goes."""
    for file, name in named_in(SECTIONS[title]):
        found = ast.parse((ROOT / "tests" / file).read_text()).body
        names = {getattr(one, "name", "") for one in found}
        assert name in names or (name == "*" and names), f"{file}::{name}"


def test_the_page_has_what_was_asked_for():
    """Nine subjects at least, so that a heading is not lost."""
    assert {"Signals", "Exit codes", "Kubernetes", "systemd", "cron"} <= SECTIONS.keys()
    assert {"PostgreSQL", "Backups", "Log lines"} <= SECTIONS.keys()
