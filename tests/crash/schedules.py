"""Schedules of deaths as pytest runs them: how many, under which law, how often."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


LIVES = Path(__file__).parent / "lives.py"
ALL = os.environ.get("CRASH_POINTS") == "all"
PAIRS = 200 if ALL else 24
APART = 1 if ALL else 2

NEEDS_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="lives are forked")
LAWS = [
    pytest.param((), id="on acceptance"),
    pytest.param(("--burns-ids",), id="burnt"),
]


def lives(*arguments):
    """How many schedules were lived, and every broken promise."""
    told = subprocess.run(
        [sys.executable, str(LIVES), *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    said = json.loads(told.stdout)
    return said["schedules"], said["problems"]
