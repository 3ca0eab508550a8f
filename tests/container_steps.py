"""
Takes the steps of the container file in a folder, since an engine may not be there.

What it copies is copied, what it installs is installed with the same command, and what
the images would run is run. `nox -s container` starts this.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import containers


ROOT = Path(__file__).parents[1]
STAGES = containers.read(ROOT / "examples" / "container" / "Containerfile")
INSTALLED = "/opt/octopush"


def copy(stage: containers.Stage, folder: Path) -> None:
    """Copy from the checkout what a stage copies from there."""
    folder.mkdir()
    for words in stage.all("COPY"):
        if words.startswith("--from="):
            continue
        *sources, target = words.split()
        for name in sources:
            here = ROOT / name
            if here.is_dir():
                shutil.copytree(here, folder / target)
            else:
                shutil.copy(here, folder)


def run(words: list[str], folder: Path, path: str) -> str:
    """Run a program, and return what it prints."""
    environment = {"PATH": path, "HOME": str(folder), "XDG_STATE_HOME": str(folder)}
    # What says where packages come from is the same for everybody on the machine.
    environment |= {
        name: value for name, value in os.environ.items() if name.startswith("PIP_")
    }
    return subprocess.run(
        words,
        cwd=folder,
        env=environment,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    ).stdout


def main() -> None:
    """Build, and run each image as far as it goes without a broker."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        source, work, served = top / "source", top / "work", top / "srv"
        copy(STAGES["build"], source)
        python = Path(sys.executable).resolve().parent
        (command,) = STAGES["build"].all("RUN")
        built = command.replace(INSTALLED, str(top / "opt"))
        # The image has "python"; here that is the one which runs this.
        built = built.replace("python -m", f"{sys.executable} -m", 1)
        run(["bash", "-euc", built], source, f"{python}:{os.environ['PATH']}")
        shutil.rmtree(source)

        path = f"{top / 'opt' / 'bin'}:/usr/bin:/bin"
        work.mkdir()
        octopush = STAGES["octopush"]
        first = str(top / "opt" / "bin" / octopush.words("ENTRYPOINT")[0])
        shown = run([first, *octopush.words("CMD")], work, path)
        assert "Send SMS through the Octopush gateway" in shown, shown
        shutil.copy(ROOT / "examples" / "people.csv", work)
        message = (
            "--sender",
            "Acme",
            "--purpose",
            "alert",
            "--text",
            "Hi {first_name}",
        )
        sent = run([first, "bulk", "people.csv", "--sandbox", *message], work, path)
        assert "all 3,000 recipients are accepted" in sent, sent

        copy(STAGES["worker"], served)
        program, verb, place = STAGES["worker"].words("ENTRYPOINT")
        taskiq = str(top / "opt" / "bin" / program)
        options = STAGES["worker"].words("CMD")
        assert options[0] in run([taskiq, verb, "--help"], served, path)
        module, _, broker = place.partition(":")
        code = f"import {module}; print(type({module}.{broker}).__name__)"
        run_python = str(top / "opt" / "bin" / "python")
        assert run([run_python, "-c", code], served, path) == "AioPikaBroker\n"
    sys.stdout.write("every step of the container file passed\n")


if __name__ == "__main__":
    main()
