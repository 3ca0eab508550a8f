"""What docs/bulk.md shows runs as it is written."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from fakes import ScriptedTransport, answer, session_over

from aiooctopush import (
    BatchState,
    OctopushSession,
    RetryPolicy,
    SQLiteLedger,
    UnknownOutcomeError,
)
from aiooctopush.sandbox import Gateway, SandboxTransport, VirtualClock


PAGE = (Path(__file__).parent.parent / "docs" / "bulk.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def function(number):
    """What a block of the page defines."""
    names = {}
    exec(compile(BLOCKS[number], "bulk.md", "exec"), names)  # noqa: S102
    (made,) = (one for one in names.values() if getattr(one, "__module__", 0) is None)
    return made


@pytest.fixture
def gateway():
    """A gateway in virtual time, with credit for a million."""
    return Gateway(clock=VirtualClock(), credit=Decimal(1_000_000))


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    """With the file that the page names."""
    (tmp_path / "people.csv").write_text("phone_number,first_name\n+33639980001,Ada\n")
    monkeypatch.chdir(tmp_path)


def session(gateway):
    """A session over the gateway."""
    return OctopushSession(
        "me", "key", transport=SandboxTransport(gateway), clock=gateway.clock
    )


def test_the_page_has_three_blocks():
    """Each of them is run here."""
    assert len(BLOCKS) == 3


async def test_the_same_call_starts_and_goes_on(gateway, capsys):
    """The second time there is nothing left to do."""
    for _ in range(2):
        async with session(gateway) as octopush:
            await function(0)(octopush)

    assert gateway.book.times("+33639980001") == 1
    assert capsys.readouterr().out == "1 accepted 1\n1 0.05\n1 0.05\n"


async def test_each_gets_a_code_of_their_own(gateway):
    """Once, however often the program is started."""
    codes = {"+33639980001": "1234", "+33639980002": "5678"}

    for _ in range(2):
        async with session(gateway) as octopush:
            await function(1)(octopush, codes)

    assert gateway.book.texts_to("+33639980002") == ("Your code is 5678",)
    assert len(gateway.book) == 2


async def test_the_worklist_is_worked_off(capsys):
    """The seventh batch is in doubt, until somebody says otherwise."""
    silence = [UnknownOutcomeError("silence")] * 2
    transport = ScriptedTransport(*[answer() for _ in range(6)], *silence)
    run = session_over(transport).bulk(
        "run",
        text="Hello",
        sender="Acme",
        purpose="alert",
        ledger="run.db",
        batch_size=1,
        concurrency=1,
        retry=RetryPolicy(attempts=1),
    )
    await run.send_all([f"+3363998000{one}" for one in range(7)])

    await function(2)(run)

    assert capsys.readouterr().out.startswith("7 in_doubt 2026-")
    async with SQLiteLedger("run.db", read_only=True) as ledger:
        states = {one.state async for one in ledger.batches("run")}
    assert states == {BatchState.ACCEPTED}
