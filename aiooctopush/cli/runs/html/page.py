"""A run as one HTML page that needs nothing else: no script, no network."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Final

from attrs import frozen

from ...._version import __version__
from ....ledgers.records import BatchState
from ...targets.ledger import LedgerPlace
from ...terminal.times import at, span
from ...terminal.values import counted, in_euros
from ...wording import (
    LABELS,
    PAUSED_BY,
    Place,
    advice_on,
    at_least,
    error_in_words,
    going_on,
)
from ..details import Account, RunState
from .chart import bar, chart, swatch
from .lists import refused_numbers, rejected_rows, worklist
from .markup import NOTHING, Html, joined, prose, tag
from .timeline import timeline


_STYLE: Final = "report.css"

# Should an escape ever be missing, a browser still runs and loads nothing.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"

_STATE_WORDS: Final = {
    RunState.RUNNING: "Most likely running",
    RunState.PAUSED: "Paused",
    RunState.DONE: "Done",
    RunState.UNFINISHED: "Unfinished",
}

_MEANINGS: Final = {
    BatchState.ACCEPTED: "the gateway said yes",
    BatchState.PRESUMED: "a try without an answer was most likely taken",
    BatchState.ALREADY_SENT: "known to the gateway, and not from this ledger",
    BatchState.REFUSED: "the gateway said no; nothing was sent",
    BatchState.NOT_SENT: "nothing went out yet; sent when the run goes on",
    BatchState.UNKNOWN: "no answer; may have been sent",
    BatchState.SKIPPED: "may have been sent; not repeated, by decision",
    BatchState.SENDING: "on its way, or cut off; may have been sent",
}

_SETTINGS: Final = {
    "sender": "Sender",
    "purpose": "Purpose",
    "type": "Route",
    "send_at": "To be sent at",
    "simulation_mode": "Simulated",
    "on_duplicate": "Duplicates",
}

# Of the text there is only a digest, which tells nobody anything.
_NOT_SHOWN: Final = "text"


def page_of(account: Account, ledger: Path | LedgerPlace, now: datetime) -> str:
    """The whole page, of a run that its ledger tells of."""
    view = _View(account, ledger, now)
    title = f"{account.run.name} – bulk run"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Html(files(__package__).joinpath(_STYLE).read_text("utf-8"))),
    )
    body = tag("body", view.header(), tag("main", *view.sections()), view.footer())
    page = tag("html", head, body, lang="en")
    return f"<!doctype html>\n{page}\n"


def section(title: str, *content: Html, about: str = "", class_: str = "") -> Html:
    """A part of the page."""
    return tag(
        "section",
        tag("h2", title),
        tag("p", prose(about), class_="about") if about else NOTHING,
        *content,
        class_=class_ or None,
    )


@frozen
class _View:
    _account: Account
    _ledger: Path | LedgerPlace
    _now: datetime

    def header(self) -> Html:
        account, report = self._account, self._account.report
        state = account.state(self._now)
        words = _STATE_WORDS[state]
        if report.paused is not None:
            words += f": {PAUSED_BY[report.paused]}"
        good = report.accepted + report.presumed + report.already_sent
        lead = f"{good:,} of {counted(report.planned, 'recipient')} are accepted."
        if report.planned == good and report.planned:
            lead = f"All {counted(good, 'recipient')} are accepted."
        if not report.exhausted:
            lead += " The source was not read to its end."
        return tag(
            "header",
            tag("p", "Bulk run", class_="kind"),
            tag("h1", account.run.name),
            tag("p", tag("span", words, class_=f"state {state.name.lower()}")),
            tag("p", lead, class_="lead"),
            tag("p", self._when(), class_="when"),
        )

    def _when(self) -> Html:
        began, ended = self._account.run.began_at, self._account.ended_at
        parts: list[str] = ["Begun ", _time(began)]
        if ended is not None:
            parts += [", latest outcome ", _time(ended)]
            parts += [f" (after {span(ended - began)})"] * (ended > began)
        return joined([*parts, ". Times are UTC."])

    def sections(self) -> Iterator[Html]:
        account = self._account
        yield self._notice()
        yield tag("section", self._figures(), class_="keep")
        yield tag("div", self._outcomes(), self._sum(), class_="pair")
        yield self._over_time()
        yield tag("div", self._money(), self._settings(), class_="pair even")
        yield self._deliveries()
        yield self._faults()
        place = Place(key=account.run.name, ledger=self._ledger)
        yield worklist(account, place)
        yield refused_numbers(account)
        yield rejected_rows(account)

    def footer(self) -> Html:
        return tag(
            "footer",
            tag(
                "p",
                f"Made {at(self._now)} UTC from {self._ledger.name} by aiooctopush "
                f"{__version__}. Phone numbers are masked; the ledger was only read.",
            ),
        )

    def _notice(self) -> Html:
        report = self._account.report
        place = Place(key=report.name, ledger=self._ledger)
        how = going_on(self._account.run, place)
        paragraphs = list(advice_on(report, place, how=how))
        if not paragraphs:
            return NOTHING
        paused = " paused" * (report.paused is not None)
        return tag(
            "section",
            tag("h2", "What to do"),
            *(tag("p", prose(one)) for one in paragraphs),
            class_=f"notice{paused}",
        )

    def _figures(self) -> Html:
        report, more = self._account.report, at_least(self._account.report)
        figures = [
            ("Recipients", f"{report.planned:,}", counted(report.batches, "request")),
            (
                "Accepted",
                f"{report.accepted:,}",
                _share(report.accepted, report.planned),
            ),
            ("SMS billed", f"{report.sms_needed:,}", more.strip()),
            ("Cost", in_euros(report.cost), more.strip()),
        ]
        if report.residual_credit is not None:
            figures.append(
                ("Credit left", in_euros(report.residual_credit), "as last told")
            )
        line = timeline(self._account.reached, self._account.missed)
        if line is not None:
            total = sum(one.total for one in line.columns)
            rate = f"{total / line.active:,.1f}/s"
            figures.append(
                ("Pace", rate, f"over {span(timedelta(seconds=line.active))}")
            )
        return tag(
            "dl",
            *(
                tag("div", tag("dt", name), tag("dd", figure, tag("small", note)))
                for name, figure, note in figures
            ),
            class_="figures",
        )

    def _outcomes(self) -> Html:
        report = self._account.report
        counts = {state: report.by_state[state] for state in LABELS}
        rows = [
            tag(
                "tr",
                tag("td", swatch(state), class_="key"),
                tag(
                    "th",
                    LABELS[state],
                    tag("small", _MEANINGS[state]),
                    scope="row",
                ),
                tag("td", f"{count:,}", class_="n"),
                tag("td", _share(count, report.planned), class_="n soft"),
            )
            for state, count in counts.items()
            if count or state is BatchState.ACCEPTED
        ]
        table = tag("table", tag("tbody", *rows))
        return section("What became of them", bar(counts), table, class_="keep")

    def _sum(self) -> Html:
        account, report = self._account, self._account.report
        rows: list[Html] = []
        if not account.has_whole_requests:
            rows = [
                _term("", "Rows of the source", report.items),
                _term("–", "left out as duplicates", report.duplicates),
                _term("–", "not usable", report.rejected),
                _term("=", "recipients", report.planned, class_="total"),
            ]
        terms = [
            (LABELS[state].lower(), count)
            for state, count in report.by_state.items()
            if count
        ]
        for number, (label, count) in enumerate(terms):
            rows.append(
                _term(
                    "+" * bool(number), label, count, class_=None if number else "start"
                )
            )
        rows.append(
            _term("=", "recipients", sum(count for _, count in terms), class_="total")
        )
        return section(
            "How it adds up",
            tag("table", tag("tbody", *rows), class_="sum"),
            tag(
                "p", "✓ Nobody is counted twice, and nobody is lost.", class_="verdict"
            ),
            class_="keep",
        )

    def _deliveries(self) -> Html:
        deliveries = self._account.deliveries
        if not deliveries:
            return NOTHING
        told = sum(deliveries.values())
        rows = [
            tag(
                "tr",
                tag("th", status, scope="row"),
                tag("td", f"{count:,}", class_="n"),
                tag("td", _share(count, told), class_="n soft"),
            )
            for status, count in deliveries.items()
        ]
        return section(
            "Deliveries",
            tag("table", tag("tbody", *rows)),
            about=f"What the network said last, of {counted(told, 'number')}, in the "
            "gateway's words.",
            class_="keep",
        )

    def _over_time(self) -> Html:
        line = timeline(self._account.reached, self._account.missed)
        if line is None:
            return NOTHING
        width = span(timedelta(seconds=line.width))
        return section(
            "Over time",
            chart(line),
            about=f"Recipients whose outcome became known, in each {width}.",
            class_="keep",
        )

    def _money(self) -> Html:
        report, more = self._account.report, at_least(self._account.report)
        rows = [
            ("SMS billed", f"{more}{report.sms_needed:,}"),
            ("Cost", f"{more}{in_euros(report.cost)}"),
        ]
        if report.sms_needed:
            each = report.cost / report.sms_needed
            rows.append(("One SMS on average", f"{each.quantize(_TENTH_OF_A_CENT)} €"))
        reached = report.accepted
        if reached and report.sms_needed:
            rows.append(("SMS for one recipient", f"{report.sms_needed / reached:.2f}"))
        if report.unpriced:
            rows.append(("Recipients at a price not told", f"{report.unpriced:,}"))
        if report.residual_credit is not None:
            rows.append(("Credit left", in_euros(report.residual_credit)))
        return section("Cost and segments", _pairs(rows), class_="keep")

    def _faults(self) -> Html:
        report = self._account.report
        more = report.attempts - report.batches
        rows = [("Requests", report.batches), ("Tries", report.attempts)]
        rows += [
            (error_in_words(name), times) for name, times in report.faults.most_common()
        ]
        words = (
            f"{more:,} more tries than requests."
            if more > 0
            else "Every request was answered at its first try."
        )
        counts = tag(
            "dl",
            *(
                tag("div", tag("dt", name), tag("dd", f"{times:,}"))
                for name, times in rows
            ),
            class_="counts",
        )
        return section("Faults met", counts, about=words, class_="keep")

    def _settings(self) -> Html:
        run = self._account.run
        facts = [("Key", run.name), ("Ledger", self._ledger.name)]
        facts += [("Begun", f"{at(run.began_at)} UTC")]
        facts += [("Last written", f"{at(run.latest)} UTC")]
        facts += [
            (_SETTINGS.get(name, name.replace("_", " ").capitalize()), value)
            for name, value in run.settings.items()
            if name != _NOT_SHOWN
        ]
        if run.max_batch_size is not None:
            facts.append(("Recipients of a request at most", f"{run.max_batch_size:,}"))
        return section("Settings of the run", _pairs(facts), class_="keep")


_TENTH_OF_A_CENT: Final = Decimal("0.0001")


def _time(instant: datetime) -> Html:
    return tag("time", at(instant), datetime=instant.astimezone(UTC).isoformat())


def _share(part: int, whole: int) -> str:
    """A share in percent, never rounded to all or to nothing."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f} %"


def _term(sign: str, label: str, count: int, *, class_: str | None = None) -> Html:
    return tag(
        "tr",
        tag("td", sign, class_="sign"),
        tag("th", label, scope="row"),
        tag("td", f"{count:,}", class_="n"),
        class_=class_,
    )


def _pairs(rows: list[tuple[str, str]]) -> Html:
    return tag(
        "table",
        tag(
            "tbody",
            *(
                tag("tr", tag("th", name, scope="row"), tag("td", value, class_="n"))
                for name, value in rows
            ),
        ),
    )
