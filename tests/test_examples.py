"""What stands in examples/ runs as it stands."""

import io
import sys
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path

import httpx
import pytest

from aiooctopush.sandbox import Gateway, SandboxServer


ROOT = Path(__file__).parents[1]


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
