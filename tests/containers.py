"""Reads a container file: its stages, each with its instructions in their order."""

import json
import re
from pathlib import Path

from attrs import frozen


@frozen
class Stage:
    """
    One image of a container file.

    Attributes:
        name: What it is called after ``AS``.
        base: What it begins with: an image, or an earlier stage.
        steps: The other instructions, as pairs of the word and what follows.
    """

    name: str
    base: str
    steps: tuple[tuple[str, str], ...]

    def all(self, word: str) -> list[str]:
        """What follows each instruction of a kind."""
        return [rest for one, rest in self.steps if one == word]

    def words(self, word: str) -> list[str]:
        """The words of the last instruction of a kind that is written as a list."""
        return [str(one) for one in json.loads(self.all(word)[-1])]


def read(path: Path) -> dict[str, Stage]:
    """Return the stages by their names."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    stages: dict[str, Stage] = {}
    for line in filter(None, lines):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages[name] = Stage(name, base, ())
        else:
            last = stages.popitem()[1]
            stages[last.name] = Stage(
                last.name, last.base, (*last.steps, (word, rest.strip()))
            )
    return stages
