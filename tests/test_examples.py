"""What stands in the README runs as it stands."""

import asyncio
import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from aiooctopush import OctopushSession
from aiooctopush._clock import SystemClock
from aiooctopush.sandbox import FaultPlan, Gateway, SandboxTransport


ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", README, re.DOTALL)
PEOPLE = 3000


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Let waits pass at once."""

    async def sleep(_, seconds):
        await asyncio.sleep(0)

    monkeypatch.setattr(SystemClock, "sleep", sleep)


def test_the_first_example_prints_what_the_readme_says():
    """The one that a visitor reads first."""
    code, expected = BLOCKS[0]

    with redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102

    assert printed.getvalue() == expected


@pytest.mark.parametrize(
    ("number", "received"),
    [
        pytest.param(1, 2, id="sending"),
        pytest.param(2, 1, id="a key of your own"),
        pytest.param(3, 1, id="settling"),
        pytest.param(4, PEOPLE, id="bulk"),
        pytest.param(5, 1, id="campaign"),
    ],
)
async def test_every_other_example_of_the_readme_runs(monkeypatch, number, received):
    """Within a session over the sandbox, judged by its book."""
    gateway = Gateway(credit=1_000_000)
    gateway.lists["customers"] = ["+33639980001"]

    def session():
        # The answer to the first try is lost, so that there is something to settle.
        lost = ["error_500_after_commit"] * 4 if number == 3 else []
        transport = SandboxTransport(gateway, FaultPlan.schedule(lost))
        return OctopushSession("me@example.org", "key", transport=transport)

    monkeypatch.setattr(OctopushSession, "from_env", session)
    monkeypatch.chdir(ROOT)
    body = "".join(f"    {line}\n" for line in BLOCKS[number][0].splitlines())
    imports = "from aiooctopush import OctopushSession, Purpose\n"
    source = f"{imports}async def main(octopush):\n{body}"
    names = {}
    exec(compile(source, "README.md", "exec"), names)  # noqa: S102

    with redirect_stdout(io.StringIO()) as printed:
        async with session() as octopush:
            await names["main"](octopush)

    assert gateway.book.numbers().total() == received
    assert (printed.getvalue() != "") == (number in {1, 4})


def test_no_example_of_the_readme_is_left_out():
    """One that stands alone, and five within a session."""
    assert len(BLOCKS) == 6
