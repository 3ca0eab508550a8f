"""What a ledger's files hold of a text: only while it may have to be sent again."""

import zlib
from contextlib import suppress

import pytest

from aiooctopush import OctopushSession, Purpose, SmsRequest
from aiooctopush.bulk import BatchDecision
from aiooctopush.sandbox import FaultPlan, Gateway, SandboxTransport, VirtualClock


TEXT, KEY = "canary text for nobody else", "canary-key-7f3a9b"
NUMBER = "+33639980001"
REQUEST = SmsRequest(
    text=TEXT, recipients=[NUMBER], sender="Acme", purpose=Purpose.ALERT
)


def held(folder):
    """All bytes of a folder's files, and all that is packed in them, unpacked."""
    found = b"\n".join(path.read_bytes() for path in folder.iterdir())
    unpacked = []
    start = found.find(b"\x78\x01")  # how each of our packs begins
    while start >= 0:
        with suppress(zlib.error):  # any two bytes of a file may be these
            unpacked.append(zlib.decompressobj().decompress(found[start:]))
        start = found.find(b"\x78\x01", start + 1)
    return b"\n".join([found, *unpacked])


class Spy:
    """Carries requests to a sandbox, and looks into a folder before each."""

    def __init__(self, transport, folder):
        self.transport, self.folder = transport, folder
        self.seen = []

    async def send(self, request):
        """See `Transport.send`."""
        self.seen.append(held(self.folder))
        return await self.transport.send(request)

    async def close(self):
        """See `Transport.close`."""


async def run_over(folder, source, *faults):
    """Send with a ledger; return what the spy saw, and what became of it."""
    gateway = Gateway(clock=VirtualClock())
    spy = Spy(SandboxTransport(gateway, FaultPlan.schedule(list(faults))), folder)
    async with OctopushSession(
        "canary-login", KEY, transport=spy, clock=gateway.clock
    ) as octopush:
        run = octopush.bulk("run", ledger=folder / "run.db")
        report = await run.send(source)
        return spy.seen, report, run


# The spy reads files on the loop.
pytestmark = pytest.mark.usefixtures("may_block")


async def test_a_text_is_there_until_its_outcome_is_known(tmp_path):
    """Before the first byte leaves it is written down; afterwards it is nowhere."""
    seen, report, _ = await run_over(tmp_path, [REQUEST], "error_503")

    assert [TEXT.encode() in one for one in seen] == [True, True]
    assert report.accepted == 1
    assert TEXT.encode() not in held(tmp_path)


async def test_what_is_in_doubt_is_kept_until_somebody_decides(tmp_path):
    """It may be sent again, until they say that it was sent."""
    _, report, run = await run_over(tmp_path, [REQUEST], *["hang_after_commit"] * 99)
    before = held(tmp_path)

    await run.resolve("1", BatchDecision.SENT, by="Ada")

    assert (report.unknown, TEXT.encode() in before) == (1, True)
    assert TEXT.encode() not in held(tmp_path)


async def test_neither_key_nor_login_is_ever_there(tmp_path):
    """A ledger may be handed on; its owner's account does not go with it."""
    seen, _, _ = await run_over(tmp_path, [REQUEST], "error_503")

    assert not any(mark in one for one in seen for mark in (KEY.encode(), b"canary-l"))
