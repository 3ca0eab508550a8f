"""What stands in the README and in examples/ runs as it stands."""

import asyncio
import io
import re
import sys
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path

import httpx
import pytest

from aiooctopush import OctopushSession
from aiooctopush._clock import SystemClock
from aiooctopush.sandbox import FaultPlan, Gateway, SandboxServer, SandboxTransport


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


@pytest.fixture
async def sandbox(monkeypatch):
    """A served gateway that the environment points to."""
    async with SandboxServer(gateway=Gateway()) as server:
        monkeypatch.setenv("OCTOPUSH_API_LOGIN", "me@example.org")
        monkeypatch.setenv("OCTOPUSH_API_KEY", "key")
        monkeypatch.setenv("OCTOPUSH_BASE_URL", server.url)
        yield server


def load(name, monkeypatch):
    """Import an example by its name."""
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return __import__(name)


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


async def test_the_service_sends_a_code_once_for_each_signup(sandbox, monkeypatch):
    """However often the browser asks."""
    service = load("fastapi_service", monkeypatch)
    wanted = {"phone_number": "+33639980001", "signup": "42"}

    async with (
        service.lifespan(service.app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(service.app), base_url="http://service"
        ) as browser,
    ):
        first = await browser.post("/codes", json=wanted)
        again = await browser.post("/codes", json=wanted)
        wrong = await browser.post("/codes", json={**wanted, "phone_number": "06"})

    assert first.json() == {"outcome": "accepted"}
    assert again.json() == {"outcome": "sent before"}
    assert wrong.status_code == 422
    assert sandbox.gateway.book.times("+33639980001") == 1


async def test_the_worker_sends_a_job_once_though_it_comes_twice(sandbox, monkeypatch):
    """Three lines, two orders, two messages."""
    worker = load("worker", monkeypatch)
    jobs = [f'{{"order": {n}, "phone_number": "+3363998000{n}"}}' for n in (1, 2, 1)]

    with redirect_stdout(io.StringIO()) as printed:
        await worker.main(jobs)

    assert sandbox.gateway.book.numbers() == Counter(
        {"+33639980001": 1, "+33639980002": 1}
    )
    assert sorted(printed.getvalue().splitlines()) == [
        "order 1: accepted",
        "order 1: sent before",
        "order 2: accepted",
    ]
