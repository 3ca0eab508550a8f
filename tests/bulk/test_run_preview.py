"""A look at a run that was started before tells who is new, as its next start does."""

from decimal import Decimal

import pytest

from aiooctopush import (
    InvalidFieldError,
    LedgerError,
    MemoryLedger,
    OctopushSession,
    Recipient,
    SmsRequest,
    read_csv,
)
from aiooctopush.sandbox import Gateway, GatewaySettings, SandboxTransport, VirtualClock


MESSAGE = {"text": "Hi", "sender": "Acme", "purpose": "alert"}


def numbers(count, start=0):
    """Made-up numbers in a range for fiction, all different."""
    return [f"+3363998{start + one:04d}" for one in range(count)]


def requests(count):
    """Whole requests, each with a text and a number of its own."""
    return [
        SmsRequest(**MESSAGE | {"text": f"Hi {number}"}, recipients=[number])
        for number in numbers(count)
    ]


def csv_of(tmp_path, people):
    """A file of these numbers."""
    file = tmp_path / "people.csv"
    file.write_text("\n".join(["phone_number", *people, ""]))
    return read_csv(file)


@pytest.fixture
def run():
    """Starts of one run, at one gateway and with one ledger."""
    gateway = Gateway(GatewaySettings(credit=Decimal(1_000)), clock=VirtualClock())
    ledger = MemoryLedger()

    def start(name="run", **options):
        octopush = OctopushSession(
            "me@example.org",
            "key",
            transport=SandboxTransport(gateway),
            clock=gateway.clock,
        )
        message = {} if options.pop("of_requests", False) else MESSAGE
        return octopush.bulk(name, **{"ledger": ledger, **message, **options})

    return start


async def compared(start, source):
    """What a look and then a real start count."""
    found = await start().preview(source())
    report = await start().send(source())
    seen = (found.recipients, found.already, found.excluded, found.duplicates)
    assert seen == (report.new, report.already, report.excluded, report.duplicates)
    return seen


@pytest.mark.parametrize("as_file", [False, True])
async def test_an_edited_list(run, tmp_path, as_file):
    """People of the first start, new ones, one twice, and one who is excluded."""
    await run().send(numbers(10))
    people = [*numbers(8, start=5), numbers(1)[0], *numbers(1, start=12)]
    left_out = numbers(1, start=11)

    seen = await compared(
        lambda: run(exclude=left_out),
        lambda: csv_of(tmp_path, people) if as_file else people,
    )

    assert seen == (2, 6, 1, 1)


@pytest.mark.parametrize(
    "options", [{"identity": lambda one: one.phone_number}, {"on_duplicate": "keep"}]
)
async def test_people_who_are_known_by_something_else(run, options):
    """By an identity, or each copy of a number for itself."""
    await run(**options).send(numbers(3))

    people = [*numbers(4), *numbers(1, start=3)]
    found = await run(**options).preview(people)
    report = await run(**options).send(people)

    new = 2 if "on_duplicate" in options else 1
    assert (found.recipients, found.already) == (report.new, report.already) == (new, 3)


async def test_most_of_a_list_are_most_of_all_its_people(run):
    """Of those who are known already, too: one new row without a name stops nobody."""
    text = "Hi {first_name}"
    named = [Recipient(one, first_name="Ada") for one in numbers(3)]
    await run(text=text).send(named)
    people = [*named, *numbers(1, start=3)]

    found = await run(text=text).preview(people)
    report = await run(text=text).send(people)

    assert found.refusals == ()
    assert (found.already, found.lacking) == (3, 1)
    assert (report.already, report.rejected, report.accepted) == (3, 1, 3)


@pytest.mark.parametrize("as_file", [False, True])
async def test_somebody_who_is_known_is_one_person(run, tmp_path, as_file):
    """However often he is in the list."""
    await run().send(numbers(2))
    people = [*numbers(2), *numbers(1)]

    found = await run().preview(csv_of(tmp_path, people) if as_file else people)

    assert (found.recipients, found.already, found.duplicates) == (0, 2, 1)


async def test_whole_requests(run):
    """A request that was sent is known by all it says."""
    await run(of_requests=True).send(requests(2))

    found = await run(of_requests=True).preview(requests(3))
    report = await run(of_requests=True).send(requests(3))

    assert (found.requests, found.already) == (1, 2)
    assert (report.new, report.already) == (1, 2)


async def test_another_run_of_the_same_ledger(run):
    """Its people are not those of this one."""
    await run("other").send(numbers(2))
    await run().send(numbers(1))

    found = await run().preview(numbers(3))

    assert (found.recipients, found.already) == (2, 1)


async def test_a_look_makes_no_ledger(run, tmp_path):
    """Where there is none, nobody is known."""
    file = tmp_path / "run.db"

    found = await run(ledger=file).preview(numbers(2))

    assert (found.recipients, found.already) == (2, 0)
    assert not file.exists()


async def test_a_ledger_in_a_file(run, tmp_path):
    """Only looked at: another start of the run may be writing to it."""
    file = tmp_path / "run.db"
    await run(ledger=file).send(numbers(2))

    found = await run(ledger=file).preview(numbers(3))

    assert (found.recipients, found.already) == (1, 2)


async def test_a_file_that_is_no_ledger(run, tmp_path):
    """It is not read as an empty one."""
    file = tmp_path / "run.db"
    file.write_text("phone_number\n")

    with pytest.raises(LedgerError):
        await run(ledger=file).preview(numbers(1))


async def test_another_message_under_the_name(run):
    """It is refused as the start would be."""
    await run().send(numbers(1))

    with pytest.raises(InvalidFieldError, match="began with another text"):
        await run(text="Hello").preview(numbers(1))
