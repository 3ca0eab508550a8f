"""The lists of a report's page: what is to be decided, refused, or not usable."""

from collections.abc import Iterable, Sequence

from ....ledgers.records import BatchState
from ...terminal.times import at
from ...wording import LABELS, WHAT_TO_DO, Place
from ..details import Account, Entry
from .markup import NOTHING, Html, prose, tag


def worklist(account: Account, place: Place) -> Html:
    """What may have been sent, and what to do about it."""
    parts: list[Html] = []
    for state, entries in account.unresolved.items():
        if entries:
            parts += [
                tag("h3", LABELS[state]),
                tag("p", prose(WHAT_TO_DO[state]), class_="about"),
                _batches(entries),
                _more(account.batches[state] - len(entries)),
            ]
    if not parts:
        return NOTHING
    command = place.command("resolve", "BATCH", "DECISION", "--by", "NAME")
    about = f"A decision is written down with `{command}`."
    return _section("To be decided", tag("p", prose(about), class_="about"), *parts)


def _batches(entries: Iterable[Entry]) -> Html:
    headings = ("Batch", "Recipients", "Tried (UTC)", "Until (UTC)", "Request id")
    rows = [
        (
            one.name,
            f"{one.count:,}",
            tag("span", at(one.first_tried_at), class_="nowrap"),
            tag("span", at(one.concluded_at), class_="nowrap"),
            tag("span", one.request_id, class_="id"),
        )
        for one in entries
    ]
    return _table(headings, rows, figures=("Recipients",))


def refused_numbers(account: Account) -> Html:
    """To whom nothing was sent, and why."""
    entries = account.refused
    if not entries:
        return NOTHING
    rows = [
        (one.name, f"{one.count:,}", _numbers(one), one.reason or "–")
        for one in entries
    ]
    return _section(
        "Refused by the gateway",
        _table(
            ("Batch", "Recipients", "Numbers", "Reason"), rows, figures=("Recipients",)
        ),
        _more(account.batches[BatchState.REFUSED] - len(entries)),
    )


def rejected_rows(account: Account) -> Html:
    """What was in the source and is no recipient."""
    report = account.report
    if not report.rejected:
        return NOTHING
    rows = [
        (one.place.capitalize(), one.reason, one.shown or "–")
        for one in report.rejections
    ]
    return _section(
        "Rows that cannot be used",
        _table(("Where", "Why", "What stands there"), rows) if rows else NOTHING,
        _more(report.rejected - len(rows)),
    )


def _section(title: str, *content: Html) -> Html:
    return tag("section", tag("h2", title), *content)


def _numbers(entry: Entry) -> str:
    """The first few, and how many others."""
    more = entry.count - len(entry.numbers)
    if not entry.numbers:
        return "purged"
    return ", ".join(entry.numbers) + f" and {more:,} more" * bool(more)


def _more(count: int) -> Html:
    return tag("p", f"… and {count:,} more.", class_="soft") if count else NOTHING


def _table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    figures: Sequence[str] = (),
) -> Html:
    kinds = ["n" if heading in figures else None for heading in headings]
    head = [
        tag("th", heading, scope="col", class_=kind)
        for heading, kind in zip(headings, kinds, strict=True)
    ]
    body = [
        tag(
            "tr",
            *(
                tag("td", cell, class_=kind)
                for cell, kind in zip(row, kinds, strict=True)
            ),
        )
        for row in rows
    ]
    table = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body))
    return tag("div", table, class_="scroll")
