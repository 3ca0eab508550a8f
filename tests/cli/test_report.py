"""``octopush report``: what became of a run, in words, as a document and as a page."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aiooctopush.cli.runs.details import account_of
from aiooctopush.cli.runs.html.chart import bar, chart
from aiooctopush.cli.runs.html.markup import Html, joined, prose, tag
from aiooctopush.cli.runs.html.page import _share, page_of
from aiooctopush.cli.runs.html.timeline import Column, Gap, round_above, timeline
from aiooctopush.cli.terminal.times import at, span
from aiooctopush.ledgers.batch import pack_numbers
from aiooctopush.ledgers.memory import MemoryLedger
from aiooctopush.ledgers.records import (
    BatchRecord,
    BatchState,
    LedgerError,
    Pause,
    Rejection,
    RunRecord,
)
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LEDGER = Path("run.db")
VOID = {"meta", "rect", "line"}


class Reader(HTMLParser):
    """Reads a page as a browser does, and notes what it holds."""

    def __init__(self, page):
        super().__init__()
        self.open = []
        self.names = set()
        self.addresses = []
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, name, attributes):
        """Note an element, and what it would load."""
        self.names.add(name)
        self.addresses += [
            value for key, value in attributes if key in {"src", "href", "xlink:href"}
        ]
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        """Note an element without content."""
        self.names.add(name)

    def handle_endtag(self, name):
        """Close what was opened last, and nothing else."""
        assert self.open.pop() == name

    def handle_data(self, words):
        """Note what people read."""
        self.words += words


@pytest.fixture
def ledger(tmp_path):
    """Where runs are written down."""
    return tmp_path / "run.db"


@pytest.fixture
def sent(bulk, people, ledger):
    """Send to that many people, or to what these lines say."""

    def sent(*arguments, count=3, lines=None, **settings):
        options = ("--ledger", ledger, "--key", "mine", *arguments)
        return bulk(people(count, lines=lines), *options, **settings)

    return sent


def batch(number, state, *, after=0.0, **values):
    """A batch that came to this so many seconds after the start."""
    people = [f"+336000{number:05}", f"+337000{number:05}"]
    given = {
        "number": number,
        "first": 2 * number,
        "count": 2,
        "digest": "d",
        "request_id": f"id-{number}",
        "numbers": pack_numbers(people),
        "state": state,
        "first_tried_at": NOW,
        "concluded_at": NOW + timedelta(seconds=after),
        "attempts": 1,
    }
    return BatchRecord(**(given | values))


def account(*batches, rejections=(), **values):
    """A run with these batches, as a ledger tells of it."""
    planned = sum(one.count for one in batches if one.state is not BatchState.SPLIT)
    given = {
        "name": "mine",
        "settings": {"sender": "Acme", "text": "5ec2e7", "with_replies": "True"},
        "cursor": planned + len(rejections),
        "planned": planned,
        "rejected": len(rejections),
        "batches": max((one.number for one in batches), default=0),
        "exhausted": True,
        "began_at": NOW,
        "latest": NOW,
    }

    async def write_and_look():
        ledger = MemoryLedger()
        run = RunRecord(**(given | values))
        await ledger.open_run(run)
        await ledger.plan(run, batches, rejections)
        return await account_of(ledger, run.name)

    return asyncio.run(write_and_look())


def page(*batches, now=NOW, **values):
    """The page of such a run."""
    return page_of(account(*batches, **values), LEDGER, now)


# --- the command ----------------------------------------------------------------------


def test_report_in_words(run, sent, ledger, gateway):
    """The figures of all starts together, and where the ledger is."""
    sent(count=600)

    result = run("report", ledger)

    assert result.exit_code == 0
    assert result.stdout.startswith("Done: 600 of 600 recipients are accepted.\n")
    for words in (
        "  Accepted     600\n",
        "  Requests     2\n",
        "  Cost         30.00 €\n",
        "  Begun        2026-01-05 10:00:00 UTC\n",
        "  Latest       2026-01-05 10:00:00 UTC, after 0 s\n",
        "  Key          mine\n",
        f"  Ledger       {ledger}\n",
    ):
        assert words in result.stdout


@pytest.mark.usefixtures("scheduled")
def test_report_tells_faults(run, sent, ledger):
    """What was met is told, however it ended."""
    sent("--faults", "error_503")

    assert "1 × server error (status 503)" in run("report", ledger).stdout


def test_report_of_a_pause(run, sent, ledger, gateway):
    """It says why, and what to do."""
    gateway.credit = Decimal(0)
    sent()

    result = run("report", ledger)

    assert result.stdout.startswith("Paused: 0 of 3 recipients are accepted.\n")
    assert "Top it up, then run its `octopush bulk` command again." in result.stdout


def test_report_lists_rejected_rows(run, sent, ledger):
    """The first of them, with line and reason, as far as may be shown."""
    sent(lines=["+33600000001,Ada", *["0699887766,Bob"] * 25, "+33600000002"])

    result = run("report", ledger)

    assert "  line 3: must start with" in result.stdout
    assert "(got 06****66)" in result.stdout
    assert "  … and 6 more.\n" in result.stdout
    assert "0699887766" not in result.stdout


def test_report_of_a_short_list(run, sent, ledger):
    """What has nothing to show shows nothing."""
    sent(lines=["+33600000001,Ada", "+33600000002"])

    result = run("report", ledger)

    assert "  line 3: " in result.stdout
    assert "got" not in result.stdout
    assert "more." not in result.stdout


def test_report_as_json(run, sent, ledger):
    """Programs get what people read, and no text."""
    sent("--purpose", "wholesale")

    told = json.loads(run("report", ledger, "--json").stdout)

    assert told["refused"] == 3
    assert told["settings"]["sender"] == "Acme"
    assert "text" not in told["settings"]
    assert told["refused_batches"][0]["numbers"] == [
        "+336****0000",
        "+336****0001",
        "+336****0002",
    ]
    assert told["unresolved"] == []
    assert told["ended"] == "2026-01-05T10:00:00+00:00"
    assert told["html"] is None


async def begin_only(path):
    """Begin a run, and stop there, as a crash may."""
    async with SQLiteLedger(path) as ledger:
        await ledger.open_run(
            RunRecord(name="mine", settings={}, began_at=NOW, latest=NOW)
        )


def test_report_of_a_run_without_outcomes(run, ledger):
    """A run may have begun, and nothing be known yet."""
    asyncio.run(begin_only(ledger))

    result = run("report", ledger)
    told = json.loads(run("report", ledger, "--json").stdout)

    assert result.stdout.startswith(
        "Most likely running: 0 of 0 recipients are accepted, and the source was not "
    )
    assert "Latest" not in result.stdout
    assert told["ended"] is None


def test_page_is_written(run, sent, ledger, tmp_path):
    """The page stands in the file, and the words say so."""
    sent()
    path = tmp_path / "report.html"

    result = run("report", ledger, "--html", path)
    told = json.loads(run("report", ledger, "--html", path, "--json").stdout)

    assert result.stderr == f"The page is {path}.\n"
    assert path.read_text("utf-8").startswith("<!doctype html>\n<html lang")
    assert told["html"] == str(path)


# --- gathering ------------------------------------------------------------------------


class ChangingLedger(MemoryLedger):
    """Plans a batch behind the back of whoever looks, so many times."""

    times = 1

    async def batches(self, key, states=None):
        """Those that are there, and then there is another."""
        async for one in super().batches(key, states):
            yield one
        if self.times:
            self.times -= 1
            (run,) = await self.runs()
            await self.update_run(
                RunRecord(
                    name=key,
                    settings={},
                    cursor=run.cursor,
                    planned=2,
                    batches=1,
                    began_at=NOW,
                    latest=NOW,
                )
            )


async def look_at(ledger):
    """Look at a run whose figures are of another moment than its batches."""
    run = RunRecord(name="mine", settings={}, cursor=2, began_at=NOW, latest=NOW)
    await ledger.open_run(run)
    await ledger.plan(run, [batch(1, BatchState.ACCEPTED)])
    return await account_of(ledger, "mine")


async def test_run_that_goes_on_is_looked_at_again():
    """What was read while it changed is read once more."""
    found = await look_at(ChangingLedger())

    assert found.report.accepted == 2


async def test_batches_beyond_the_run_are_of_another_moment():
    """What was planned after the run was read is counted by the next look."""
    ledger = MemoryLedger()
    run = RunRecord(
        name="mine",
        settings={},
        cursor=2,
        planned=2,
        batches=1,
        began_at=NOW,
        latest=NOW,
    )
    await ledger.open_run(run)
    both = [batch(1, BatchState.ACCEPTED), batch(2, BatchState.ACCEPTED)]
    await ledger.plan(run, both)

    found = await account_of(ledger, "mine")

    assert found.report.accepted == 2


async def test_what_never_adds_up_is_an_error():
    """No figure is shown that does not add up."""
    ledger = ChangingLedger()
    ledger.times = 0
    with pytest.raises(LedgerError, match="'mine' does not add up"):
        await look_at(ledger)


# --- the page -------------------------------------------------------------------------


def everything():
    """A page with all that there may be on one."""
    states = (one for one in BatchState if one is not BatchState.SPLIT)
    return page(
        *(
            batch(number, state, after=60 * number, error="ServerError", code=None)
            for number, state in enumerate(states, 1)
        ),
        batch(9, BatchState.SPLIT),
        batch(
            10,
            BatchState.ACCEPTED,
            after=90_000,
            cost=Decimal("0.1"),
            sms_needed=2,
            attempts=3,
            faults={"ServerError 503": 2},
        ),
        rejections=[Rejection(position=20, line=22, reason="no number", shown="06**")],
        paused=Pause.CREDIT,
        max_batch_size=250,
        residual_credit=Decimal(12),
    )


def test_page_needs_nothing_else():
    """No script, no network: a page that can be kept and sent around."""
    read = Reader(everything())

    assert read.open == []
    assert not {"script", "link", "img", "iframe", "form"} & read.names
    assert read.addresses == []
    assert "url(" not in everything()


def test_page_tells_everything():
    """Each part of it is there, with exact figures."""
    words = Reader(everything()).words

    for part in (
        "Paused: not enough credit",
        "What to do",
        "What became of them",
        "How it adds up",
        "Nobody is counted twice",
        "Over time",
        "Cost and segments",
        "Faults met",
        "To be decided",
        "Refused by the gateway",
        "Rows that cannot be used",
        "Settings of the run",
        "server error (status 503)",
        "Line 22",
        "no number",
        "1 day pause",
        "Recipients of a request at most250",
        "Credit left12.00 €",
        "With repliesTrue",
    ):
        assert part in words


def test_page_holds_no_number_and_no_text():
    """Numbers are masked; of the text there is not even the digest."""
    text = everything()

    assert re.search(r"\+33[67]\d{6}", text) is None
    assert "+336****" in text
    assert "5ec2e7" not in text


def test_everything_is_escaped():
    """A key, a reason or a setting is words, and never markup."""
    evil = "<script>alert(1)</script>"
    text = page(
        batch(1, BatchState.UNKNOWN, request_id=evil, error=evil),
        batch(2, BatchState.REFUSED, error=evil, faults={evil: 1}),
        rejections=[Rejection(position=4, reason=evil, shown=evil)],
        name=evil,
        settings={"sender": evil, evil: evil},
    )

    assert "<script" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Done"),
        ({"paused": Pause.SECURITY}, "Paused: certificate not valid"),
        ({"exhausted": False}, "Most likely running"),
        ({"exhausted": False, "latest": NOW - timedelta(hours=1)}, "Unfinished"),
    ],
    ids=["done", "paused", "running", "unfinished"],
)
def test_state_of_the_page(values, words):
    """The first thing to see is where it stands."""
    text = page(
        batch(1, BatchState.ACCEPTED, concluded_at=NOW - timedelta(hours=2)), **values
    )

    assert f">{words}</span>" in text


def test_page_of_a_finished_run_has_nothing_to_do():
    """Where all is well there are no empty lists."""
    words = Reader(page(batch(1, BatchState.ACCEPTED))).words

    assert "All 2 recipients are accepted." in words
    assert "Every request was answered at its first try." in words
    for part in ("What to do", "To be decided", "Refused by", "cannot be used"):
        assert part not in words


def test_page_of_a_run_that_has_just_begun():
    """Nothing is known yet, and that is no reason to fail."""
    words = Reader(page(exhausted=False)).words

    assert "0 of 0 recipients are accepted." in words
    assert "The source was not read to its end." in words
    assert "Over time" not in words


def test_requests_with_their_own_texts_have_no_sum_of_items():
    """An item is then no recipient, so the first sum would be wrong."""
    words = Reader(
        page(
            batch(1, BatchState.ACCEPTED),
            settings={"text": "of each request"},
            cursor=1,
        )
    ).words

    assert "Rows of the source" not in words
    assert "How it adds up" in words


def test_long_lists_are_cut():
    """A page of a million refusals would help nobody."""
    batches = [batch(number, BatchState.REFUSED) for number in range(1, 206)]

    assert "… and 5 more." in Reader(page(*batches)).words


def test_rejected_rows_are_cut():
    """The ledger lists them all."""
    rejections = [Rejection(position=place, reason="no") for place in range(101)]

    words = Reader(page(rejections=rejections)).words

    assert "Item 100" in words
    assert "Item 101" not in words
    assert "… and 1 more." in words


def test_purged_ledger_has_no_numbers():
    """What was purged is told so, and not shown as nobody."""
    text = page(
        batch(1, BatchState.REFUSED, numbers=b"", error=None),
        rejections=(),
        rejected=3,
        cursor=5,
    )

    assert ">purged<" in text
    assert "… and 3 more." in Reader(text).words


def test_more_numbers_than_are_shown():
    """The first three stand for the rest."""
    people = [f"+3360000000{last}" for last in range(5)]
    text = page(batch(1, BatchState.REFUSED, count=5, numbers=pack_numbers(people)))

    assert "+336****0000, +336****0001, +336****0002 and 2 more" in text


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 0, "–"),
        (0, 3, "0.0 %"),
        (1, 3, "33.3 %"),
        (1, 10_000, "< 0.1 %"),
        (9_999, 10_000, "> 99.9 %"),
        (3, 3, "100.0 %"),
    ],
)
def test_share(part, whole, words):
    """A few are never rounded to none, nor almost all to all."""
    assert _share(part, whole) == words


# --- pictures -------------------------------------------------------------------------


def test_bar_shows_what_is_little():
    """One of a million can be seen, and the whole stays a whole."""
    drawn = bar({BatchState.ACCEPTED: 999_999, BatchState.REFUSED: 1})
    widths = [float(one) for one in re.findall(r'width="([\d.]+)"', drawn)]

    assert min(widths) > 0.5
    assert sum(widths) == pytest.approx(100, abs=0.01)


def test_bar_of_nothing():
    """There is none."""
    assert bar({BatchState.ACCEPTED: 0}) == ""


def test_no_timeline_without_outcomes():
    """There is nothing to draw."""
    assert timeline({}, {}) is None


def test_timeline_puts_seconds_into_columns():
    """Each second is in one column, and none is left out."""
    line = timeline({1_000: 5, 1_001: 7, 1_120: 1}, {1_001: 2})

    assert line.width == 5
    assert line.parts[0] == Column(begins=1_000, reached=12, missed=2)
    assert line.parts[-1] == Column(begins=1_120, reached=1, missed=0)
    assert len(line.parts) == 25
    assert line.highest == 14
    assert line.active == 121


def test_pause_takes_little_room():
    """Hours without outcomes are one gap, so that the rest can be seen."""
    line = timeline({0: 1, 10_000: 1}, {})

    assert line.parts == (
        Column(begins=0, reached=1, missed=0),
        Gap(seconds=10_000),
        Column(begins=10_000, reached=1, missed=0),
    )
    assert line.active == 2


def test_many_pauses_are_drawn_as_time_passed():
    """A run that is slow by itself has no pauses."""
    line = timeline(dict.fromkeys(range(0, 80_000, 10_000), 1), {})

    assert all(isinstance(one, Column) for one in line.parts)
    assert line.width == 1_800


def test_very_long_runs_fit_too():
    """Columns become as wide as they must."""
    line = timeline(dict.fromkeys(range(0, 90 * 86400, 43200), 1), {})

    assert len(line.parts) <= 60
    assert sum(one.total for one in line.columns) == 180


@pytest.mark.parametrize(
    ("figure", "top"),
    [(0, 2), (2, 2), (3, 4), (500, 600), (801, 1_000), (1_001, 2_000)],
)
def test_top_of_the_axis(figure, top):
    """The next even digit with noughts, so that its half is a round figure, too."""
    assert round_above(figure) == top


def test_chart_names_moments():
    """When it began, when it ended, and how long nothing happened."""
    reached = dict.fromkeys(range(1_000, 1_050), 3) | dict.fromkeys(
        range(9_000, 9_010), 2
    )
    words = Reader(chart(timeline(reached, {1_002: 1}))).words

    assert "00:16:40" in words
    assert "2 h 12 min pause" in words
    assert "02:30:09" in words
    assert "Refused, or in doubt" in words


def test_chart_of_days_names_days():
    """Beyond a day the hour alone would be ambiguous."""
    reached = dict.fromkeys(range(0, 200_000, 1_000), 3)

    assert "01 Jan 00:00" in Reader(chart(timeline(reached, {}))).words


# --- building stones ------------------------------------------------------------------


def test_tag():
    """Attributes and words are escaped, and what has no value is left out."""
    made = tag("p", "a < b", Html("<b>c</b>"), class_='"x"', aria_label=None)

    assert made == '<p class="&quot;x&quot;">a &lt; b<b>c</b></p>'


def test_tags_without_content():
    """HTML has no end of a meta, and SVG closes its shapes at once."""
    assert tag("meta", charset="utf-8") == '<meta charset="utf-8">'
    assert tag("rect", x=1) == '<rect x="1"/>'


def test_prose_has_code():
    """Commands are broken between words only."""
    assert prose("run `a <b>` now") == (
        "run <code><span>a</span> <span>&lt;b&gt;</span></code> now"
    )


def test_joined_escapes():
    """Only what is markup already stays so."""
    assert joined(["<", Html("<br>")]) == "&lt;<br>"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (725, "12 min"),
        (3_600, "1 h"),
        (11_520, "3 h 12 min"),
        (86_400, "1 day"),
        (187_200, "2 days 4 h"),
    ],
)
def test_span(seconds, words):
    """A span has as many figures as anybody wants."""
    assert span(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("instant", "words"),
    [
        (None, "-"),
        (datetime.fromisoformat("2026-11-20T10:00+01:00"), "2026-11-20 09:00:00"),
    ],
    ids=["none", "another-zone"],
)
def test_instant(instant, words):
    """Instants are told in UTC."""
    assert at(instant) == words
