"""The main job at its size: a file of 100,000 recipients, judged by the sent log."""

from collections import Counter
from decimal import Decimal

import pytest

from aiooctopush import OctopushSession, Purpose, read_csv
from aiooctopush.sandbox import (
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxTransport,
    VirtualClock,
)
from aiooctopush.sandbox.faults import DEFAULT_KINDS


PEOPLE = 100_000

# A redirect, a conflict and a firewall's page are never tried again: nothing can be
# learnt from another try. Everything else heals.
HEALING = [
    kind
    for kind in DEFAULT_KINDS
    if kind not in {"redirect_307", "conflict_409", "firewall_403"}
]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A file as an export of some shop would write it."""
    path = tmp_path_factory.mktemp("people") / "people.csv"
    rows = (f"+336{one:08d};Zoé {one}\n" for one in range(PEOPLE))
    path.write_text("phone_number;first_name\n" + "".join(rows), encoding="utf-8-sig")
    return path


@pytest.mark.timeout(120)  # 100,000 recipients under coverage on a busy machine
@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(None, id="fair weather"),
        pytest.param(
            FaultPlan(kinds=HEALING, probability=0.1, seed=1), id="ten percent faults"
        ),
    ],
)
async def test_the_sent_log_equals_the_file(people, faults):
    """Each number exactly once, whatever goes wrong on the way."""
    gateway = Gateway(GatewaySettings(credit=Decimal(1_000_000)), clock=VirtualClock())
    expected = Counter(
        line.split(";")[0] for line in people.read_text("utf-8-sig").splitlines()[1:]
    )

    async with OctopushSession(
        "me@example.org",
        "key",
        transport=SandboxTransport(gateway, faults),
        clock=gateway.clock,
    ) as octopush:
        run = octopush.bulk(
            "run", text="Hi {first_name}", sender="Acme", purpose=Purpose.ALERT
        )
        report = await run.send(read_csv(people))

    assert gateway.sent_log.numbers() == expected
    assert expected.total() == PEOPLE
    assert report.accepted + report.presumed == PEOPLE
    if faults:
        assert faults.seen.total() >= 15
        assert report.attempts > report.batches
