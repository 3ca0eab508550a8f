"""A run as one HTML page that needs nothing else: no script, no network."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from attrs import frozen
from jinja2 import Environment, StrictUndefined

from ...._version import __version__
from ....ledgers.records import BatchState
from ...targets.ledger import LedgerPlace
from ...terminal.problems import in_options
from ...terminal.times import at, span
from ...terminal.values import counted, in_euros
from ...wording import (
    LABELS,
    MEANINGS,
    PAUSED_BY,
    PRESUMED,
    WHAT_TO_DO,
    RunLocation,
    accepted_in_words,
    advice_on,
    at_least,
    departure_of,
    error_in_words,
    resuming,
)
from ..details import Entry, RunDetails, RunState
from .chart import Drawing, bar, chart
from .timeline import timeline


_STATES: Final = {
    RunState.RUNNING: "Running",
    RunState.MAYBE_RUNNING: "Most likely running",
    RunState.PAUSED: "Paused",
    RunState.DONE: "Done",
    RunState.UNFINISHED: "Unfinished",
}

# A batch that is presumed accepted needs no decision.
_TO_DECIDE: Final = (BatchState.UNKNOWN, BatchState.ALREADY_SENT)

_SETTINGS: Final = {
    "type": "Route",
    "send_at": "Goes out at",
    "simulation_mode": "Simulated",
    "on_duplicate": "Duplicates",
}

# Only a digest of the text is stored.
_NOT_SHOWN: Final = "text"

_TENTH_OF_A_CENT: Final = Decimal("0.0001")


def page_of(
    run: RunDetails,
    ledger: Path | LedgerPlace,
    now: datetime,
    *,
    people: str | None = None,
) -> str:
    """
    Write the page of a run from its ledger.

    Args:
        run: The run.
        ledger: Where it is recorded.
        now: Time of the page.
        people: Path from the page to the file with a row for each recipient.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["figure"] = "{:,}".format
    source = files(__package__).joinpath("report.html").read_text("utf-8")
    page = environment.from_string(source).render(
        _Page(run, ledger, now, people).values()
    )
    return f"{page}\n"


@frozen
class _Page:
    _run: RunDetails
    _ledger: Path | LedgerPlace
    _now: datetime
    _people: str | None

    def values(self) -> dict[str, Any]:
        """Values of the template."""
        run, report = self._run, self._run.report
        location = RunLocation(name=run.run.name, ledger=self._ledger)
        line = timeline(run.over_time)
        export = ("report", "--csv", "FILE")
        decide = ("resolve", "BATCH", "DECISION", "--by", "NAME")
        return {
            "name": run.run.name,
            "state": self._state(),
            "lead": self._lead(),
            "when": self._when(),
            "advice": list(self._advice(location)),
            "is_paused": report.paused is not None,
            "figures": list(self._figures()),
            "bar": bar({state: report.by_state[state] for state in LABELS}),
            "outcomes": list(self._outcomes()),
            "total": report.planned,
            "sum": self._sum(),
            "people": self._people,
            "people_link": None if self._people is None else quote(self._people),
            "how_to_list": f"`{location.command(*export)}` writes it.",
            "chart": None if line is None else chart(line),
            "cost": list(self._cost()),
            "errors": list(self._errors()),
            "retries": self._retries(),
            "deliveries": list(self._deliveries()),
            "delivered": self._delivered(),
            "settings": list(self._settings()),
            "decisions": list(self._decisions()),
            "how_to_decide": f"Record a decision with `{location.command(*decide)}`.",
            "refused": [
                (one.name, f"{one.count:,}", _numbers(one), one.reason or "–")
                for one in run.refused
            ],
            "refused_more": run.batches[BatchState.REFUSED] - len(run.refused),
            "rejected": report.rejected,
            "rejections": [
                (one.place.capitalize(), in_options(one.reason), one.shown or "–")
                for one in report.rejections
            ],
            "rejected_more": report.rejected - len(report.rejections),
            "now": at(self._now),
            "ledger": self._ledger.name,
            "version": __version__,
        }

    def _advice(self, location: RunLocation) -> Iterator[str]:
        how = resuming(self._run.run, location)
        for words in advice_on(self._run.report, location, how=how):
            if words != PRESUMED:
                yield words

    def _state(self) -> Drawing:
        state, paused = self._run.state(self._now), self._run.report.paused
        words = _STATES[state]
        if paused is not None:
            words += f": {PAUSED_BY[paused]}"
        return {"kind": state.name.lower(), "words": words}

    def _lead(self) -> str:
        report = self._run.report
        words = accepted_in_words(report, report.planned)
        words = words[0].upper() + words[1:]
        return words + " The file was not read to its end." * (not report.exhausted)

    def _when(self) -> str:
        began, ended = self._run.run.began_at, self._run.ended_at
        words = f"Started {at(began)}"
        if ended is not None:
            words += f", latest outcome {at(ended)}"
            words += f" (after {span(ended - began)})" * (ended > began)
        words += ". Times are UTC."
        departure = departure_of(self._run.run)
        return words + f" Goes out {departure}." * (departure is not None)

    def _figures(self) -> Iterator[tuple[str, str, str]]:
        report, more = self._run.report, at_least(self._run.report)
        yield "Recipients", f"{report.planned:,}", counted(report.batches, "request")
        share = _share(report.accepted, report.planned)
        yield "Accepted", f"{report.accepted:,}", share
        yield "SMS billed", f"{more}{report.sms_needed:,}", ""
        yield "Cost", f"{more}{in_euros(report.cost)}", ""
        if report.residual_credit is not None:
            yield "Credit left", in_euros(report.residual_credit), "latest reported"
        line = timeline(self._run.over_time)
        if line is not None:
            rate = sum(one.total for one in line.columns) / line.active
            yield (
                "Pace",
                f"{rate:,.1f}/s",
                f"over {span(timedelta(seconds=line.active))}",
            )

    def _outcomes(self) -> Iterator[Drawing]:
        report = self._run.report
        for state, label in LABELS.items():
            count = report.by_state[state]
            if count or state is BatchState.ACCEPTED:
                yield {
                    "state": state,
                    "label": label,
                    "meaning": MEANINGS[state],
                    "count": count,
                    "share": _share(count, report.planned),
                }

    def _sum(self) -> str:
        report = self._run.report
        if self._run.has_whole_requests:
            return ""
        words = counted(report.items, "row")
        if report.duplicates:
            words += f" – {counted(report.duplicates, 'duplicate')}"
        if report.rejected:
            words += f" – {report.rejected:,} rejected"
        recipients = counted(report.planned, "recipient")
        return f"{words} = {recipients}. Each recipient is counted exactly once."

    def _cost(self) -> Iterator[tuple[str, str]]:
        report, more = self._run.report, at_least(self._run.report)
        yield "SMS billed", f"{more}{report.sms_needed:,}"
        yield "Cost", f"{more}{in_euros(report.cost)}"
        if report.sms_needed:
            each = report.cost / report.sms_needed
            yield "Average price of one SMS", f"{each.quantize(_TENTH_OF_A_CENT)} €"
            yield (
                "SMS for one recipient",
                f"{report.sms_needed / self._run.priced:.2f}",
            )
        if report.unpriced:
            yield "Recipients without a known price", f"{report.unpriced:,}"
        if report.residual_credit is not None:
            yield "Credit left", in_euros(report.residual_credit)

    def _errors(self) -> Iterator[tuple[str, str]]:
        report = self._run.report
        yield "Requests", f"{report.batches:,}"
        yield "Attempts", f"{report.attempts:,}"
        for name, times in report.faults.most_common():
            yield error_in_words(name).capitalize(), f"{times:,}"

    def _retries(self) -> str:
        more = self._run.report.attempts - self._run.report.batches
        return (
            f"Attempts beyond the first of each request: {more:,}."
            if more > 0
            else "Every request got a response at its first attempt."
        )

    def _deliveries(self) -> Iterator[tuple[str, str]]:
        reported = sum(self._run.deliveries.values())
        for status, count in self._run.deliveries.items():
            yield status, f"{count:,} ({_share(count, reported)})"

    def _delivered(self) -> str:
        reported = counted(sum(self._run.deliveries.values()), "number")
        return f"Latest delivery status of {reported}, as the gateway reported it."

    def _settings(self) -> Iterator[tuple[str, str]]:
        run = self._run.run
        yield "Run", run.name
        yield "Ledger", self._ledger.name
        yield "Started", f"{at(run.began_at)} UTC"
        yield "Last written", f"{at(run.latest)} UTC"
        for name, value in run.settings.items():
            if name != _NOT_SHOWN:
                label = _SETTINGS.get(name, name.replace("_", " ").capitalize())
                yield label, value
        if run.max_batch_size is not None:
            yield "Recipients per request at most", f"{run.max_batch_size:,}"

    def _decisions(self) -> Iterator[Drawing]:
        for state in _TO_DECIDE:
            entries = self._run.unresolved[state]
            if entries:
                yield {
                    "label": LABELS[state],
                    "advice": WHAT_TO_DO[state],
                    "rows": [
                        (
                            one.name,
                            f"{one.count:,}",
                            at(one.first_tried_at),
                            at(one.concluded_at),
                            one.request_id,
                        )
                        for one in entries
                    ],
                    "more": self._run.batches[state] - len(entries),
                }


def _numbers(entry: Entry) -> str:
    """The first few, and how many others."""
    more = entry.count - len(entry.numbers)
    if not entry.numbers:
        return "purged"
    return ", ".join(entry.numbers) + f" and {more:,} more" * bool(more)


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
