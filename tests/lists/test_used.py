"""A run sends no more of a person than its text uses; judged by what was sent."""

import json

import pytest

from aiooctopush import InvalidFieldError, OctopushSession, Recipient, read_csv
from aiooctopush.sandbox import Gateway, SandboxTransport, VirtualClock


ONE, TWO = "+33639980001", "+33639980002"
PRIVATE = f"phone_number,first_name,param1\n{ONE},Zoe,diabete\n{TWO},,{'x' * 60}\n"


class Wire:
    """A transport that keeps the bodies of what goes through it."""

    def __init__(self, transport):
        self.transport, self.bodies = transport, []

    async def send(self, request):
        """Keep the body and pass it on."""
        self.bodies.append(json.loads(request.body or b"null"))
        return await self.transport.send(request)

    async def close(self):
        """Close nothing."""


@pytest.fixture
def gateway():
    """The sandbox, whose sent log is the judge."""
    return Gateway(clock=VirtualClock())


@pytest.fixture
def send(gateway):
    """Send a text to a source; the bodies that left, and the report."""

    async def send(source, text, **options):
        wire = Wire(SandboxTransport(gateway))
        async with OctopushSession(
            api_login="a@b.fr", api_key="k", transport=wire, clock=gateway.clock
        ) as octopush:
            run = octopush.bulk(
                "x", text=text, sender="Acme", purpose="alert", **options
            )
            report = await run.send(source)
        return wire.bodies, report

    return send


@pytest.fixture
def people(tmp_path, may_block):
    """A file with more than anybody needs."""
    path = tmp_path / "people.csv"
    path.write_text(PRIVATE, encoding="utf-8")
    return path


async def test_columns_that_no_placeholder_names_do_not_leave(send, people, gateway):
    """Nor does a value in them cost anybody the message."""
    bodies, report = await send(read_csv(people), "Votre rdv est demain")

    assert report.accepted == 2
    assert sorted(gateway.sent_log.numbers()) == [ONE, TWO]
    assert [one["recipients"] for one in bodies] == [
        [{"phone_number": ONE}, {"phone_number": TWO}]
    ]


async def test_values_of_recipients_that_are_not_used_do_not_leave(send):
    """Wherever they come from."""
    someone = Recipient(ONE, first_name="Zoe", param1="diabete")

    bodies, _ = await send([someone], "Bonjour {first_name}")

    assert bodies[0]["recipients"] == [{"phone_number": ONE, "first_name": "Zoe"}]


async def test_rows_without_a_value_are_left_out_and_listed(send, people, gateway):
    """With their line and column."""
    _, report = await send(read_csv(people), "Bonjour {first_name}")

    assert list(gateway.sent_log.numbers()) == [ONE]
    (rejection,) = report.rejections
    assert (rejection.line, rejection.reason) == (
        3,
        "is empty, and the text uses it",
    )


@pytest.mark.parametrize(
    ("on_missing", "sent"),
    [("send", [ONE, TWO]), ("skip", [ONE]), ("error", []), (None, [ONE])],
)
async def test_recipients_without_a_value(send, gateway, on_missing, sent):
    """They are sent to, left out, or nothing is sent, as it was asked."""
    someone = [Recipient(ONE, first_name="Zoe"), Recipient(TWO)]

    try:
        await send(someone, "Bonjour {first_name}", on_missing=on_missing)
    except InvalidFieldError as error:
        assert (on_missing, error.field) == ("error", "source")  # noqa: PT017

    assert sorted(gateway.sent_log.numbers()) == sent


async def test_each_value_that_the_text_uses_is_asked_for(send, gateway):
    """Whoever has only the first of two is left out."""
    whole = Recipient(ONE, first_name="Zoe", last_name="Roy")
    half = Recipient(TWO, first_name="Ann")

    await send([whole, half], "{first_name} {last_name}", on_missing="skip")

    assert list(gateway.sent_log.numbers()) == [ONE]


async def test_a_column_that_is_not_there_may_be_missing(send, people, gateway):
    """If people without a value are to be sent to."""
    await send(read_csv(people), "Bonjour {last_name}", on_missing="send")

    assert sorted(gateway.sent_log.numbers()) == [ONE, TWO]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Bonjour {last_name}", "uses {last_name}, for which the file has no column"),
        ("Bonjour {prenom}", "did you mean {first_name}?"),
        ("   ", "must not consist of spaces only"),
    ],
    ids=["no column", "no placeholder", "blank"],
)
async def test_what_is_wrong_for_all_is_refused(send, people, gateway, text, words):
    """Before anything is sent."""
    with pytest.raises(InvalidFieldError) as caught:
        await send(read_csv(people), text)

    assert words in str(caught.value)
    assert not gateway.sent_log.entries


async def test_a_file_of_which_most_lack_a_value_is_refused(send, tmp_path, gateway):
    """It is a mistake in the file, or the wrong column."""
    path = tmp_path / "people.csv"
    path.write_text(f"phone_number,first_name\n{ONE},\n{TWO},\n+33639980003,Zoe\n")

    with pytest.raises(InvalidFieldError, match="in 2 of its first 3 items"):
        await send(read_csv(path), "Bonjour {first_name}")

    assert not gateway.sent_log.entries


async def test_excluded_numbers_are_read_without_their_other_columns(send, people):
    """A list of those who want nothing may hold anything beside their numbers."""
    bodies, report = await send([ONE, "+33639980003"], "Hi", exclude=read_csv(people))

    assert report.excluded == 1
    assert bodies[0]["recipients"] == [{"phone_number": "+33639980003"}]


async def test_doubled_braces_arrive_as_one(send, gateway):
    """In what a run sends."""
    await send([ONE], "Code {{x}}")

    assert gateway.sent_log.entries[0].text == "Code {x}"
