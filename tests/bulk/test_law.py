"""
Under one name there is one message: whoever was planned for it never gets it twice,
whatever people do to the list between two starts.

The judge is the sandbox's sent log, and not what a run says of itself.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from attrs import evolve
from fakes import ScriptedTransport, refusal, session_over
from ledger_kinds import KINDS, listed
from services import postgres

from aiooctopush import (
    BatchState,
    InvalidFieldError,
    OctopushSession,
    Recipient,
    SmsRequest,
    SourceError,
    read_csv,
)
from aiooctopush.api.sms import Message
from aiooctopush.bulk.fleet.planning import plan
from aiooctopush.ids import protects
from aiooctopush.ledgers.batch import unpack_identities, unpack_numbers
from aiooctopush.ledgers.records import LedgerError, Pause
from aiooctopush.sandbox import Gateway, GatewaySettings, SandboxTransport, VirtualClock


RUN = {"text": "Hi {first_name}", "sender": "Acme", "purpose": "alert"}
MESSAGE = Message(**RUN)


def numbers(count, start=0):
    """Made-up numbers in a range for fiction, all different."""
    return [f"+3363998{start + one:04d}" for one in range(count)]


def people(*some):
    """Recipients with a name."""
    return [Recipient(one, first_name="Ana") for one in some]


OLD = numbers(25)
NEW = numbers(1, 500)
RENAMED = [Recipient(one, first_name="Bea") for one in OLD]

# What a list was, what it is at the next start, and who is new then.
EDITS = {
    "a bad row repaired": ([*OLD[:3], "06", *OLD[3:]], [*OLD[:3], *NEW, *OLD[3:]], NEW),
    "rows at the end": (OLD, [*OLD, *NEW], NEW),
    "a name corrected": (people(*OLD), RENAMED, []),
    "nothing changed": (OLD, OLD, []),
    "another order": (OLD, OLD[::-1], []),
    "a row in front": (OLD, [*NEW, *OLD], NEW),
    "a row taken out": (OLD, OLD[1:], []),
    "a number corrected": (OLD, [*NEW, *OLD[1:]], NEW),
    "a row twice": (OLD, [*OLD, *OLD[:7]], []),
}
EACH_EDIT = pytest.mark.parametrize(
    ("before", "after", "new"), EDITS.values(), ids=EDITS.keys()
)


def name_of(kind):
    """The id of a test."""
    return kind.name


@pytest.fixture
def gateway():
    """A gateway in virtual time, with credit for a million."""
    return Gateway(GatewaySettings(credit=Decimal(1_000_000)), clock=VirtualClock())


@pytest.fixture(params=KINDS, ids=name_of)
async def ledger(request, tmp_path):
    """A ledger of each kind, kept from one start to the next."""
    ledger = request.param.open(tmp_path)
    yield ledger
    await ledger.close()


def session(gateway):
    """A session over a gateway."""
    return OctopushSession(
        "me@example.org",
        "key",
        transport=SandboxTransport(gateway),
        clock=gateway.clock,
    )


async def start(gateway, ledger, source, **options):
    """Start the run, with requests of 10."""
    # Bare numbers have no names.
    given = {"batch_size": 10, "on_missing": "send", **RUN, **options}
    return await session(gateway).bulk("run", ledger=ledger, **given).send(source)


async def submit(gateway, ledger, source, message=MESSAGE, **options):
    """Plan the run for workers, and let one of them send it."""
    given = {"batch_size": 10, "on_missing": "send", **options}
    run = await plan(ledger, "run", message, source, **given)
    worker = session(gateway).worker(ledger)
    while await worker.send_next("run"):
        pass
    return run


def asking(text, request_id="x0"):
    """A request of its own, to one number."""
    return SmsRequest(
        text=text,
        sender="Acme",
        purpose="alert",
        recipients=[OLD[0]],
        request_id=request_id,
    )


# --- what people do to a list ---------------------------------------------------------


@EACH_EDIT
async def test_nobody_gets_it_twice_after_an_edit(gateway, ledger, before, after, new):
    """Whoever is new gets it, and each is told from those who had it."""
    await start(gateway, ledger, before)

    report = await start(gateway, ledger, after)

    assert gateway.sent_log.numbers() == Counter([*OLD, *new])
    assert (report.new, report.already) == (len(new), len(after) - len(new))
    assert report.items == len(after)
    assert report.planned == report.accepted == len(OLD) + len(new)
    assert report.is_complete


@EACH_EDIT
async def test_a_fleet_adds_the_new_people_only(gateway, ledger, before, after, new):
    """Submitting a list that has changed is no second message."""
    await submit(gateway, ledger, before)

    run = await submit(gateway, ledger, after)

    assert gateway.sent_log.numbers() == Counter([*OLD, *new])
    assert (run.new, run.already) == (len(new), len(after) - len(new))
    assert (run.planned, run.exhausted) == (len(OLD) + len(new), True)


@EACH_EDIT
async def test_a_fleet_is_added_to_while_workers_send(
    gateway, ledger, before, after, new
):
    """What a worker holds it finishes, and nobody gets it twice."""
    await plan(ledger, "run", MESSAGE, before, batch_size=10, on_missing="send")
    (claim,) = await ledger.claim_next("run", owner="a worker that takes long")

    run = await submit(gateway, ledger, after)
    await claim.ledger.conclude(
        "run", evolve(claim.record, state=BatchState.ALREADY_SENT)
    )

    held = unpack_numbers(claim.record.numbers)
    assert gateway.sent_log.numbers() == Counter([*OLD, *new]) - Counter(held)
    assert (run.new, run.already) == (len(new), len(after) - len(new))
    assert (run.planned, run.exhausted) == (len(OLD) + len(new), True)


@pytest.fixture(params=["session", "fleet"])
def go(request, gateway, ledger):
    """Start the run once more, as each of its two kinds."""
    way = {"session": start, "fleet": submit}[request.param]
    return lambda source, **options: way(gateway, ledger, source, **options)


async def test_another_batch_size_is_no_other_run(go, gateway):
    """However the list is cut, people are the same."""
    await go(OLD)

    told = await go(OLD, batch_size=7)

    assert gateway.sent_log.numbers() == Counter(OLD)
    assert (told.new, told.already) == (0, 25)


@pytest.fixture
def written(tmp_path):
    """Write a list of people with a column that the text does not use."""

    def written(name, city):
        path = tmp_path / name
        rows = ["phone_number,first_name,city", *(f"{one},Ana,{city}" for one in OLD)]
        path.write_text("\n".join([*rows, ""]))
        return read_csv(path)

    return written


@pytest.mark.parametrize(
    ("name", "city"), [("people (1).csv", "Lyon"), ("people.csv", "Nice")]
)
async def test_a_file_may_be_called_anything(go, gateway, written, name, city):
    """Nor does it matter what stands in a column that the text does not use."""
    await go(written("people.csv", "Lyon"))

    told = await go(written(name, city))

    assert gateway.sent_log.numbers() == Counter(OLD)
    assert (told.new, told.already) == (0, 25)


async def test_somebody_served_may_leave_while_a_run_is_paused(gateway, ledger):
    """The bound for costs is raised, and the others get it once."""
    paused = await start(gateway, ledger, OLD, concurrency=1, max_cost=Decimal("0.60"))
    assert (paused.paused, paused.accepted) == (Pause.MAX_COST, 10)

    report = await start(gateway, ledger, OLD[1:])

    assert gateway.sent_log.numbers() == Counter(OLD)
    assert (report.already, report.new, report.accepted) == (9, 15, 25)


async def test_somebody_served_may_leave_while_a_fleet_stands_still(gateway, ledger):
    """Once it is resumed the others get it once."""
    gateway.credit = Decimal("0.60")
    await submit(gateway, ledger, OLD)
    gateway.credit = Decimal(1_000)

    still = await submit(gateway, ledger, [*OLD[1:], *NEW])
    had = gateway.sent_log.numbers()
    await ledger.unpause("run")
    run = await submit(gateway, ledger, [*OLD[1:], *NEW])

    assert had == Counter(OLD[:10])
    assert gateway.sent_log.numbers() == Counter([*OLD, *NEW])
    assert (still.new, still.already) == (1, 24)
    assert (run.new, run.already) == (0, 25)


# --- who is who -----------------------------------------------------------------------


async def test_the_second_copy_is_a_recipient_of_its_own_if_kept(gateway, ledger):
    """A third copy in the next list is new, the first two are not."""
    once, twice = OLD[:2]
    await start(gateway, ledger, [once, twice, twice], on_duplicate="keep")

    report = await start(
        gateway, ledger, [twice, once, twice, twice], on_duplicate="keep"
    )

    assert gateway.sent_log.numbers() == Counter({once: 1, twice: 3})
    assert (report.already, report.new, report.duplicates) == (3, 1, 0)


async def test_an_identity_tells_people_of_one_number_apart(gateway, ledger):
    """At the next start as well, though it knows no number of them."""
    orders = [Recipient(OLD[0], param1=str(order)) for order in range(12)]

    def identity(one):
        return f"{one.phone_number} {one.param1}"

    await start(gateway, ledger, orders[:11], identity=identity)
    report = await start(gateway, ledger, orders[::-1], identity=identity)

    assert gateway.sent_log.times(OLD[0]) == 12
    assert (report.already, report.new) == (11, 1)


async def test_requests_are_known_by_all_that_they_say(gateway, ledger):
    """But the id; and the second copy of one is a request of its own."""
    plain = {"text": None, "sender": None, "purpose": None}
    await start(gateway, ledger, [asking("a"), asking("b")], **plain)

    report = await start(
        gateway,
        ledger,
        [asking("b", "x1"), asking("b", "x2"), asking("a", "x3")],
        **plain,
    )

    texts = Counter(one.text for one in gateway.sent_log.entries)
    assert texts == {"a": 1, "b": 2}
    assert (report.already, report.new) == (2, 1)


async def test_a_fleet_knows_requests_by_all_that_they_say(gateway, ledger):
    """The same, when workers send them."""
    await submit(gateway, ledger, [asking("a"), asking("b")], message=None)

    run = await submit(
        gateway,
        ledger,
        [asking("b", "x1"), asking("b", "x2"), asking("a", "x3")],
        message=None,
    )

    texts = Counter(one.text for one in gateway.sent_log.entries)
    assert texts == {"a": 1, "b": 2}
    assert (run.already, run.new) == (2, 1)


async def test_the_excluded_are_counted_and_left_out(gateway, ledger):
    """Whoever is excluded later has had it already."""
    await start(gateway, ledger, OLD, exclude=OLD[5:7])

    report = await start(gateway, ledger, [*OLD, *NEW], exclude=[*OLD[:6], *NEW])

    assert gateway.sent_log.numbers() == Counter([*OLD[:5], *OLD[6:]])
    assert (report.already, report.excluded, report.new) == (23, 2, 1)


async def test_whom_to_exclude_must_be_readable(gateway, ledger, tmp_path):
    """Else somebody might get it who must not; nothing is sent."""
    path = tmp_path / "stop.csv"
    path.write_text("phone_number\n+33639980001\n06 39\n")

    with pytest.raises(SourceError, match="line 3"):
        await start(gateway, ledger, OLD, exclude=read_csv(path))

    assert len(gateway.sent_log) == 0


async def test_requests_of_their_own_exclude_nobody(gateway, ledger):
    """They may go to others as well."""
    plain = {"text": None, "sender": None, "purpose": None}
    with pytest.raises(InvalidFieldError, match="exclude: cannot be used"):
        await start(gateway, ledger, [], exclude=OLD, **plain)


# --- another message, and what is not gone on with ------------------------------------


async def test_another_text_is_refused_with_who_had_the_first(gateway, ledger):
    """The words name the text without showing it, and what another name does."""
    await start(gateway, ledger, OLD)

    with pytest.raises(InvalidFieldError) as caught:
        await start(gateway, ledger, NEW, text="Secret")

    words = str(caught.value)
    assert "began with another text, which 25 people have had" in words
    assert "sends to all of them again" in words
    assert "Secret" not in words
    assert gateway.sent_log.numbers() == Counter(OLD)


async def test_a_start_that_was_refused_keeps_nobody_from_the_run(gateway, tmp_path):
    """Another process goes on with it, though this one has its ledger open still."""
    async with postgres.ledger_at(tmp_path) as one, postgres.ledger_at(tmp_path) as two:
        await start(gateway, one, OLD)
        with pytest.raises(InvalidFieldError, match="began with another text"):
            await start(gateway, one, OLD, text="Bye")

        report = await start(gateway, two, [*OLD, *NEW])

    assert report.is_complete
    assert gateway.sent_log.numbers() == Counter([*OLD, *NEW])


async def test_a_purged_run_is_not_gone_on_with(gateway, ledger):
    """It knows nobody any more, and says so."""
    await start(gateway, ledger, OLD)
    await ledger.purge("run")

    with pytest.raises(InvalidFieldError, match="names a purged run"):
        await start(gateway, ledger, OLD)

    assert gateway.sent_log.numbers() == Counter(OLD)


async def test_the_refused_stay_refused_unless_asked(ledger, gateway):
    """Then they are asked about again, under new ids."""
    transport = ScriptedTransport(refusal(106))
    settings = {**RUN, "on_missing": "send", "ledger": ledger}
    await session_over(transport, clock=gateway.clock).bulk("run", **settings).send(OLD)

    still = await start(gateway, ledger, OLD)
    report = await start(gateway, ledger, OLD, retry_refused=True)

    assert (still.refused, still.already, still.accepted) == (25, 25, 0)
    assert (report.refused, report.accepted) == (0, 25)
    assert gateway.sent_log.numbers() == Counter(OLD)
    assert [one.state for one in await listed(ledger)] == [BatchState.ACCEPTED]
    assert transport.ids[0] not in {one.request_id for one in gateway.sent_log.entries}


async def test_what_a_batch_said_must_be_known_to_send_it_again(ledger, gateway):
    """A refused batch without its content stays refused, whatever is asked for."""
    await start(gateway, ledger, OLD)
    (run,), (*_, last) = await ledger.runs(), await listed(ledger)
    lost = evolve(
        last,
        number=last.number + 1,
        request_id="lost",
        state=BatchState.REFUSED,
        payload=None,
    )
    planned = run.planned + lost.count
    await ledger.plan(evolve(run, batches=lost.number, planned=planned), [lost])

    report = await start(gateway, ledger, OLD, retry_refused=True)

    assert (report.refused, report.accepted) == (lost.count, 25)
    assert gateway.sent_log.numbers() == Counter(OLD)


async def test_both_accounts_are_told(gateway, ledger):
    """Of this start, and of all."""
    await start(gateway, ledger, [*OLD, "06"])

    told = (await start(gateway, ledger, [*OLD, *NEW, *NEW])).as_dict()

    assert told["now"] == {
        "items": 27,
        "new": 1,
        "already": 25,
        "duplicates": 1,
        "excluded": 0,
        "rejected": 0,
        "accepted": 1,
        "presumed": 0,
        "refused": 0,
    }
    assert (told["planned"], told["accepted"]) == (26, 26)


async def test_an_identity_is_a_text(gateway, ledger):
    """Else two people might become one; nothing is sent."""
    with pytest.raises(InvalidFieldError, match="identity: must give a str"):
        await start(gateway, ledger, OLD, identity=lambda _: 7)

    assert len(gateway.sent_log) == 0


@pytest.mark.parametrize(
    ("hours", "is_protected"),
    [(-1.01, False), (-1, True), (0, True), (22.99, True), (23, False)],
)
def test_an_id_protects_for_23_hours(hours, is_protected):
    """A clock that was set back by more than an hour tells no age."""
    now = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)

    assert protects(now - timedelta(hours=hours), now) is is_protected
    assert not protects(None, now)


def test_damaged_identities_are_told():
    """Half a digest is none."""
    with pytest.raises(LedgerError, match="damaged"):
        unpack_identities(b"half")
