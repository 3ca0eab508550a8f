"""
Reads the pages of the documentation: what they show as code, and how to run it.

A fence of Python runs in the page's one namespace, one block after the other, and what
it prints is the fence of text that follows it directly, if there is one; ``...`` there
stands for anything. A fence whose first line is ``# name.py`` is a file. Lines of
``sh``, or those with a ``$`` in ``console``, are commands.

Comments, which readers do not see, hold Python as well: ``<!-- given`` prepares what a
block needs, ``<!-- then`` holds what must be true after it, an expression a line, and
``<!-- not run: reason -->`` before a fence says why it is not run.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import field, frozen


_ITEM = re.compile(
    r"^<!-- (?P<word>given|then):?\s(?P<hidden>.*?)-->$"
    r"|^<!-- not run: (?P<reason>[^>]+?) -->$"
    r"|^```(?P<language>\w+)\n(?P<code>.*?)^```$(?:\n\n```text\n(?P<output>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
_FILE = re.compile(r"# ([\w/]+\.py)\n")


@frozen(kw_only=True)
class Item:
    """
    A fence of a page, or a comment that tells how to run it.

    Attributes:
        kind: The language of the fence, or ``given`` or ``then``.
        code: What stands in it.
        line: Of its first line of code in the page, counted from 1.
        output: What it prints, if the page shows that.
        reason: Why it is not run.
    """

    kind: str
    code: str = field(repr=False)
    line: int
    output: str | None = None
    reason: str | None = None

    @property
    def file(self) -> str | None:
        """The name of the file that it is."""
        found = _FILE.match(self.code) if self.kind == "python" else None
        return found and found[1]

    @property
    def commands(self) -> list[tuple[str, str]]:
        """What is typed, and what a console shows after it."""
        lines = self.code.replace("\\\n", " ")
        if self.kind == "sh":
            return [(one, "") for one in lines.splitlines() if one.strip()]
        asked = re.split(r"^\$ ", lines, flags=re.MULTILINE)[1:]
        return [(one.partition("\n")[0], one.partition("\n")[2]) for one in asked]


def read(page: str) -> Iterator[Item]:
    """Everything on a page that matters here, from its top."""
    reason = None
    for found in _ITEM.finditer(page):
        if found["reason"]:
            reason = " ".join(found["reason"].split())
            continue
        part = "hidden" if found["word"] else "code"
        yield Item(
            kind=found["word"] or found["language"],
            code=found[part],
            line=page.count("\n", 0, found.start(part)) + 1,
            output=found["output"],
            reason=reason,
        )
        reason = None


def paths(root: Path) -> list[Path]:
    """The README and every page of the documentation."""
    found = sorted((root / "docs").rglob("*.md"))
    return [root / "README.md", *(one for one in found if "_build" not in one.parts)]
