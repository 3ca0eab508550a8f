"""``octopush report``: what became of a run, in words, as a document and as a page."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import Mock

import pytest

from aiooctopush.cli.runs.details import details_of
from aiooctopush.cli.runs.html.chart import bar, chart
from aiooctopush.cli.runs.html.page import _share, page_of
from aiooctopush.cli.runs.html.timeline import Column, Gap, round_above, timeline
from aiooctopush.cli.terminal.times import at, span
from aiooctopush.ledgers.batch import pack_figures
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


def without_spaces(words):
    """Words of a page, as a browser shows them: white space is one space."""
    return re.sub(r"\s+", " ", words)


@pytest.fixture
def ledger(tmp_path):
    """Where runs are written down."""
    return tmp_path / "run.db"


@pytest.fixture
def sent(bulk, people, ledger):
    """Send to that many people, or to what these lines say."""

    def sent(*arguments, count=3, lines=None, **settings):
        options = ("--ledger", ledger, "--run", "mine", *arguments)
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
        "numbers": pack_figures([*map(int, people)]),
        "state": state,
        "first_tried_at": NOW,
        "concluded_at": NOW + timedelta(seconds=after),
        "attempts": 1,
    }
    return BatchRecord(**(given | values))


def details(*batches, rejections=(), is_held=None, **values):
    """A run with these batches, as a ledger tells of it."""
    planned = sum(one.count for one in batches if one.state is not BatchState.SPLIT)
    given = {
        "name": "mine",
        "settings": {"sender": "Acme", "text": "5ec2e7", "with_replies": "True"},
        "items": planned + len(rejections),
        "new": planned,
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
        return await details_of(ledger, run.name, is_held=is_held)

    return asyncio.run(write_and_look())


def page(*batches, now=NOW, **values):
    """The page of such a run."""
    return page_of(details(*batches, **values), LEDGER, now)


# --- the command ----------------------------------------------------------------------


def test_report_in_words(run, sent, ledger, gateway):
    """The figures of all starts together, and where the ledger is."""
    sent(count=600)

    result = run("report", ledger)

    assert result.exit_code == 0
    assert result.stdout.startswith("Done: all 600 recipients are accepted.\n")
    for words in (
        "  Accepted     600\n",
        "  Requests     2\n",
        "  Cost         30.00 €\n",
        "  Started      2026-01-05 10:00:00 UTC\n",
        "  Latest       2026-01-05 10:00:00 UTC, after 0 s\n",
        "  Run          mine\n",
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

    assert "  line 3   must start with" in result.stdout
    assert "(got 06****66)" in result.stdout
    assert "6 more rows were rejected.\n" in result.stdout
    assert "0699887766" not in result.stdout


def test_report_of_a_short_list(run, sent, ledger):
    """What has nothing to show shows nothing."""
    sent(lines=["+33600000001,Ada", "+33600000002"])

    result = run("report", ledger)

    assert "  line 3  " in result.stdout
    assert "got" not in result.stdout
    assert "more." not in result.stdout


def test_report_as_json(run, sent, ledger):
    """Programs get what people read, and no text."""
    sent("--purpose", "wholesale", "--type", "sms_low_cost")

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
        "Unfinished: 0 of 0 recipients are accepted. The file was not read to its end."
    )
    assert "Latest" not in result.stdout
    assert told["ended"] is None


def test_page_is_written(run, sent, ledger, tmp_path):
    """The page stands in the file, and the words say so."""
    sent()
    path = tmp_path / "report.html"

    result = run("report", ledger, "--html", path)
    told = json.loads(run("report", ledger, "--html", path, "--json").stdout)

    assert result.stderr == f"Wrote the report to {path}.\n"
    assert path.read_text("utf-8").startswith("<!doctype html>\n")
    assert told["html"] == str(path)


def test_page_links_the_file_of_all_recipients(run, sent, ledger, tmp_path):
    """The link leads from the page to the file, wherever they are."""
    sent()
    (tmp_path / "pages").mkdir()
    path = tmp_path / "pages" / "report.html"
    options = ("--html", path, "--csv", tmp_path / "all of them.csv")

    run("report", ledger, *options)

    assert (
        '<a href="../all%20of%20them.csv">../all of them.csv</a>. Keep it private.'
    ) in path.read_text("utf-8")


def test_page_without_that_file_says_how_to_get_it(run, sent, ledger, tmp_path):
    """The command is there to be copied."""
    sent()
    path = tmp_path / "report.html"

    run("report", ledger, "--html", path)

    words = without_spaces(Reader(path.read_text("utf-8")).words)
    assert f"octopush report {ledger} --csv FILE --run mine writes it." in words


def test_page_names_a_file_that_no_path_leads_to(
    run, sent, ledger, tmp_path, monkeypatch
):
    """Windows has no path from one drive to another."""
    sent()
    path = tmp_path / "report.html"
    monkeypatch.setattr("os.path.relpath", Mock(side_effect=ValueError))

    run("report", ledger, "--html", path, "--csv", tmp_path / "people.csv")

    assert '<a href="people.csv">people.csv</a>' in path.read_text("utf-8")


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
                    items=run.items,
                    new=run.new,
                    planned=2,
                    batches=1,
                    began_at=NOW,
                    latest=NOW,
                )
            )


async def look_at(ledger):
    """Look at a run whose figures are of another moment than its batches."""
    run = RunRecord(
        name="mine", settings={}, items=2, new=2, planned=2, began_at=NOW, latest=NOW
    )
    await ledger.open_run(run)
    await ledger.plan(run, [batch(1, BatchState.ACCEPTED)])
    return await details_of(ledger, "mine")


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
        items=2,
        new=2,
        planned=2,
        batches=1,
        began_at=NOW,
        latest=NOW,
    )
    await ledger.open_run(run)
    both = [batch(1, BatchState.ACCEPTED), batch(2, BatchState.ACCEPTED)]
    await ledger.plan(run, both)

    found = await details_of(ledger, "mine")

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
        "Outcomes",
        "Each recipient is counted exactly once.",
        "Outcomes over time",
        "Cost",
        "Errors and retries",
        "Decisions needed",
        "Refused by the gateway",
        "Rejected rows",
        "Settings",
        "Server error (status 503)",
        "Line 22",
        "no number",
        "1 day pause",
        "Recipients per request at most250",
        "Credit left12.00 €",
        "With repliesTrue",
    ):
        assert part in without_spaces(words)


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
        ({"paused": Pause.SECURITY}, "Paused: invalid certificate"),
        ({"exhausted": False}, "Most likely running"),
        ({"exhausted": False, "is_held": True}, "Running"),
        ({"exhausted": False, "is_held": False}, "Unfinished"),
        ({"exhausted": False, "latest": NOW - timedelta(hours=1)}, "Unfinished"),
    ],
    ids=["done", "paused", "no-lock", "locked", "not-locked", "old"],
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
    assert "Every request got a response at its first attempt." in words
    for part in ("What to do", "Decisions needed", "Refused by", "Rejected rows"):
        assert part not in words


def test_page_of_a_run_that_has_just_begun():
    """Nothing is known yet, and that is no reason to fail."""
    words = Reader(page(exhausted=False)).words

    assert "0 of 0 recipients are accepted." in words
    assert "The file was not read to its end." in words
    assert "over time" not in words


def test_requests_with_their_own_texts_have_no_sum_of_items():
    """An item is then no recipient, so the first sum would be wrong."""
    words = Reader(
        page(
            batch(1, BatchState.ACCEPTED),
            settings={"text": "of each request"},
            items=1,
            new=1,
        )
    ).words

    assert "Each recipient is counted exactly once." not in words
    assert "Outcomes" in words


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
        items=5,
    )

    assert ">purged<" in text
    assert "… and 3 more." in Reader(text).words


def test_more_numbers_than_are_shown():
    """The first three stand for the rest."""
    people = [f"+3360000000{last}" for last in range(5)]
    text = page(
        batch(1, BatchState.REFUSED, count=5, numbers=pack_figures([*map(int, people)]))
    )

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
    widths = [float(one["width"]) for one in drawn["parts"]]

    assert min(widths) > 0.5
    assert sum(widths) == pytest.approx(100, abs=0.01)


def test_bar_of_nothing():
    """There is none."""
    assert bar({BatchState.ACCEPTED: 0}) is None


def accepted(counts):
    """Outcomes that are all good, by second."""
    return {BatchState.ACCEPTED: counts}


def column(begins, **counts):
    """A column of the chart."""
    return Column(
        begins=begins, counts={BatchState[one.upper()]: n for one, n in counts.items()}
    )


def test_no_timeline_without_outcomes():
    """There is nothing to draw."""
    assert timeline({}) is None


def test_timeline_puts_seconds_into_columns():
    """Each second is in one column, and none is left out."""
    seconds = {1_000: 5, 1_001: 7, **dict.fromkeys(range(1_010, 1_121, 10), 1)}
    line = timeline(accepted(seconds) | {BatchState.REFUSED: {1_001: 2}})

    assert line.width == 5
    assert line.parts[0] == column(1_000, accepted=12, refused=2)
    assert line.parts[-1] == column(1_120, accepted=1)
    assert len(line.parts) == 25
    assert line.active == 121


def test_pause_takes_little_room():
    """Hours without outcomes are one gap, so that the rest can be seen."""
    line = timeline(accepted({0: 1, 10_000: 1}))

    assert line.parts == (
        column(0, accepted=1),
        Gap(seconds=10_000),
        column(10_000, accepted=1),
    )
    assert line.active == 2


def test_pause_of_a_short_run_is_a_gap():
    """Forty white seconds of sixty would push all columns to both ends."""
    line = timeline(accepted(dict.fromkeys([*range(10), *range(50, 60)], 1)))

    assert Gap(seconds=41) in line.parts
    assert len(line.parts) == 21


def test_short_pause_is_drawn_as_time_passed():
    """Some seconds between two batches are no pause."""
    line = timeline(accepted({0: 1, 15: 1}))

    assert all(isinstance(one, Column) for one in line.parts)


def test_many_pauses_are_drawn_as_time_passed():
    """A slow run has no pauses."""
    line = timeline(accepted(dict.fromkeys(range(0, 80_000, 10_000), 1)))

    assert all(isinstance(one, Column) for one in line.parts)
    assert line.width == 1_800


def test_very_long_runs_fit_too():
    """Columns become as wide as they must."""
    line = timeline(accepted(dict.fromkeys(range(0, 90 * 86400, 43200), 1)))

    assert len(line.parts) <= 60
    assert sum(one.total for one in line.columns) == 180


@pytest.mark.parametrize(
    ("figure", "top"),
    [(0, 2), (2, 2), (3, 4), (500, 600), (801, 1_000), (1_001, 2_000)],
)
def test_top_of_the_axis(figure, top):
    """The next even digit with noughts, so that its half is a round figure, too."""
    assert round_above(figure) == top


def moments(outcomes):
    """What stands below the columns."""
    return [one["words"] for one in chart(timeline(outcomes))["moments"]]


def test_chart_names_moments():
    """When it began, when it ended, and how long nothing happened."""
    reached = dict.fromkeys(range(1_000, 1_050), 3) | dict.fromkeys(
        range(9_000, 9_010), 2
    )

    assert moments(accepted(reached)) == [
        "00:16:40",
        "00:16:55",
        "00:17:10",
        "00:17:25",
        "2 h 12 min pause",
        "02:30:09",
    ]


def test_chart_of_days_names_days():
    """Beyond a day the hour alone would be ambiguous."""
    reached = dict.fromkeys(range(0, 200_000, 1_000), 3)

    assert moments(accepted(reached))[0] == "01 Jan 00:00"


def test_legend_names_what_is_drawn():
    """Refused and unknown are two colors, those of the table."""
    states = {BatchState.ACCEPTED, BatchState.REFUSED, BatchState.UNKNOWN}
    drawn = chart(timeline({one: {1_000: 1} for one in states}))

    assert [words for _, words in drawn["legend"]] == [
        "Accepted or presumed accepted",
        "Refused",
        "Unknown",
    ]
    assert {one["state"] for one in drawn["columns"]} == states
    assert len(chart(timeline(accepted({1_000: 1})))["legend"]) == 1


def test_each_state_has_a_color():
    """The same one in light, in dark and on paper."""
    text = page(batch(1, BatchState.ACCEPTED))

    for state in BatchState:
        if state is not BatchState.SPLIT:
            assert text.count(f"--{state}: #") == 3


def test_words_agree_with_the_table():
    """Presumed accepted are named beside the accepted, and not counted as such."""
    words = Reader(
        page(batch(1, BatchState.ACCEPTED), batch(2, BatchState.PRESUMED))
    ).words

    assert "2 of 4 recipients are accepted, 2 presumed accepted." in words
    assert "the gateway accepted the request 2 50.0 %" in without_spaces(words)


def test_sms_for_one_recipient_counts_those_with_a_price():
    """Recipients of whom the gateway said nothing do not thin it out."""
    priced = batch(1, BatchState.ACCEPTED, sms_needed=4, cost=Decimal("0.2"))
    words = without_spaces(Reader(page(priced, batch(2, BatchState.PRESUMED))).words)

    assert "SMS for one recipient2.00" in words
    assert "SMS billedat least 4" in words
    assert "Recipients without a known price2" in words


def test_presumed_needs_no_decision():
    """What nobody need decide is on no worklist, and nothing is advised about it."""
    words = Reader(page(batch(1, BatchState.PRESUMED))).words

    assert "Decisions needed" not in words
    assert "What to do" not in words


def test_page_says_when_it_goes_out():
    """In the zone that was asked for, and in France."""
    settings = {"send_at": "2027-03-28 09:00:00+01:00", "text": "5ec2e7"}
    words = Reader(page(batch(1, BatchState.ACCEPTED), settings=settings)).words

    assert "Goes out 2027-03-28 09:00 UTC+01:00, 2027-03-28 10:00 in France." in words


def test_page_says_when_it_goes_out_in_france():
    """There one time is enough."""
    settings = {"send_at": "2027-03-29 09:00:00+02:00", "text": "5ec2e7"}
    words = Reader(page(batch(1, BatchState.ACCEPTED), settings=settings)).words

    assert "Goes out 2027-03-29 09:00 in France." in words


def test_page_of_deliveries():
    """The latest status of each number, as the gateway spells it."""
    found = details(batch(1, BatchState.ACCEPTED))
    found.deliveries = {"DELIVERED": 3, "NOT_ALLOWED": 1}
    words = without_spaces(Reader(page_of(found, LEDGER, NOW)).words)

    assert "DELIVERED3 (75.0 %)" in words
    assert "Latest delivery status of 4 numbers" in words


def test_commands_break_between_words_only():
    """A line that ends in a hyphen would mislead."""
    text = page(batch(1, BatchState.UNKNOWN), name="a <b>")

    assert "<code><span>octopush</span> <span>unresolved</span>" in text
    assert "<span>&#39;a</span> <span>&lt;b&gt;&#39;</span></code>" in text


# --- building stones ------------------------------------------------------------------


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
