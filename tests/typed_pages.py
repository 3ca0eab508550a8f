"""
Has mypy and pyright read what the pages show as Python.

A page becomes a module of a temporary folder, in which each block stands on the line
that it has on the page: what a checker says of ``docs_bulk.py:35`` is about
``docs/bulk.md:35``. Blocks find what `test_docs` gives them: a session, the gateway
behind it, its sent log and faults. `nox -s typing` starts this.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from textwrap import dedent, indent

import pages


ROOT = Path(__file__).parents[1]
# On the first two lines, where no page has code. Blocks may await, so they are the
# body of a coroutine.
HEAD = (
    "from aiooctopush import OctopushSession; from aiooctopush.sandbox import *",
    (
        "async def page(octopush: OctopushSession, gateway: Gateway,"
        " sent_log: SentLog, faults: FaultPlan) -> None:"
    ),
)
MYPY = """\
[mypy]
allow_redefinition = true
check_untyped_defs = true
disable_error_code = no-redef
local_partial_types = true
warn_unreachable = false
explicit_package_bases = true

[mypy-django.*]
ignore_missing_imports = true
"""
PYRIGHT = {
    "typeCheckingMode": "standard",
    # Blocks are read one after the other, as they run.
    "reportRedeclaration": False,
    "reportUnusedExpression": False,
    "reportWildcardImportFromLibrary": False,
}


def module_of(text: str) -> str:
    """Return the Python of a page as a module with the same lines."""
    lines = [*HEAD, *[""] * text.count("\n")]
    for item in pages.read(text):
        if item.kind not in {"python", "given"} or item.file or item.reason:
            continue
        code = indent(dedent(item.code), "    ")
        for place, line in enumerate(code.splitlines()):
            lines[item.line - 1 + place] = line
    return "\n".join([*lines, "    pass", ""])


def write(paths: list[Path], root: Path, folder: Path) -> None:
    """Write the modules of pages, and the files that they show, into a folder."""
    for path in paths:
        text = path.read_text("utf-8")
        shown = [item for item in pages.read(text) if item.kind == "python"]
        if not shown:
            continue
        name = "_".join(path.relative_to(root).with_suffix("").parts)
        files = {f"{name}.py".replace("-", "_"): module_of(text)}
        files |= {item.file: item.code for item in shown if item.file}
        for file, code in files.items():
            # Two pages have no file of one name, or one would be read for the other.
            with (folder / file).open("x", encoding="utf-8") as module:
                module.write(code)
    (folder / "mypy.ini").write_text(MYPY, "utf-8")
    settings = PYRIGHT | {"extraPaths": [str(root / "examples")]}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")


def main() -> int:
    """Return 0 if both have nothing to say."""
    with tempfile.TemporaryDirectory() as name:
        write(pages.paths(ROOT), ROOT, Path(name))
        mypy = ("mypy", "--config-file=mypy.ini", ".")
        pyright = ("pyright", f"--pythonpath={sys.executable}", "--warnings")
        path = {"MYPYPATH": str(ROOT / "examples")}
        return max(
            subprocess.run(
                words, cwd=name, check=False, env=os.environ | path
            ).returncode
            for words in (mypy, pyright)
        )


if __name__ == "__main__":
    sys.exit(main())
