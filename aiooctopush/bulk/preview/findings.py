"""Results of a preview, in figures, in words and as plain data."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import attrs
from attrs import field, frozen

from ..._limits import MAX_MERGE_FIELD
from ...errors import wrong_value
from ...ledgers.records import Rejection
from ...text import (
    Encoding,
    TextMeasure,
    character_in_words,
    problem_of_placeholder,
)
from ..options import OnDuplicate, OnMissing
from ..sources.used import problem_of_column


PREMIUM_MENTION: Final = "STOP au XXXXX"
LOW_COST_MENTION: Final = "no PUB=STOP"
"""Source: gateway documentation, "Return codes" (documented, unseen)."""

_WITHOUT_MENTION: Final = {
    PREMIUM_MENTION: "marketing to French numbers is refused without the mention "
    f"'{PREMIUM_MENTION}' in the text.",
    LOW_COST_MENTION: "marketing as sms_low_cost may be refused without the mention "
    f"'{LOW_COST_MENTION}' in the text.",
}


@frozen(kw_only=True)
class Finding:
    """
    Something that items of a source have in common.

    Attributes:
        count: Number of recipients, or of rejected items.
        position: Place of the first in the source, counted from 0.
        line: Line of the first in its file, counted from 1; None if it was no file.
        character: The character to blame in the first, if it is a single one.
    """

    count: int
    position: int
    line: int | None = None
    character: str | None = field(default=None, repr=False)

    @property
    def place(self) -> str:
        """Position of the first occurrence, for people."""
        return place_of(self.position, self.line)

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as plain values."""
        return attrs.asdict(self)


def place_of(position: int, line: int | None) -> str:
    """Position of an item, for people: ``line 3``, or else ``item 2``."""
    return f"item {position + 1:,}" if line is None else f"line {line:,}"


def check_euros(value: Any, name: str) -> None:
    """Require None or a Decimal of 0 or more."""
    if value is None:
        return
    if not isinstance(value, Decimal) or not value.is_finite() or value < 0:
        raise wrong_value(name, "must be a Decimal of 0 euros or more", value)


def _is_euros(_: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    check_euros(value, attribute.name)


@frozen(kw_only=True)
class Preview:
    """
    Analysis of a source and a message before anything is sent.

    Attributes:
        items: Number of items that the source yielded.
        recipients: Recipients who would get a message. If duplicates are kept, a
            recipient may be counted more than once.
        already: People whom an earlier start of the run has planned; a second row of
            one is a duplicate.
        excluded: People who are left out because the run excludes them.
        duplicates: Items that were there before.
        on_duplicate: How a run handles them.
        by_identity: Whether the caller defined the identity of items.
        rejected: Items that are no recipients, and duplicates if these are errors.
        rejections: The first 20 of them.
        reasons: How many were rejected by reason, the most frequent first.
        samples: The first three texts as they will arrive, values merged in.
        on_missing: How a run handles recipients who lack a value; None for the default.
        lacking: Rejected for want of a value for a placeholder.
        missing_columns: By placeholder for which a file has no column, the columns
            that may be meant.
        blank: Recipients whose text is nothing but spaces.
        overdue: When it was to be sent, if that is more than a minute ago.
        invalid_numbers: Recipients with an unassigned number of valid length. Requires
            the extra ``phone``, as does the next.
        landlines: Recipients whose number is a landline or a service number.
        countries: Recipients by country, two letters each; ``""`` if unknown, as
            without the extra ``phone``.
        from_file: Whether items came with their lines.
        text: The measure of the text as it is given; None if items have their own.
        placeholders: Those of the texts.
        unknown_placeholders: Words in braces that are not placeholders and are sent
            unchanged.
        missing_values: By placeholder, recipients who have no value for it.
        long_values: By field, items rejected for more than 50 characters in it.
        messages: Recipients by encoding and parts of their merged text.
        sms_needed: Messages billed, by the standard count; an estimate.
        sms_needed_at_most: SMS needed by the gateway's stricter page.
        too_long: By the limit of the route in characters, recipients whose text is
            beyond it, values merged in.
        forced: Recipients whose values turn a text without Unicode into Unicode, and
            the first character that does.
        short_numbers: Recipients whose values hold a run of five X.
        repeats_short_number: Whether a single text contains more than one such run.
        without_mention: By the STOP mention that a marketing text lacks, the
            recipients it is refused for: of premium French numbers only.
        in_quiet_hours: French numbers that marketing would go to in quiet hours.
        goes_out_at: When marketing would go out, by the clock of Paris, if that is in
            quiet hours; of several such instants the first met.
        quiet_until: When these quiet hours end.
        quiet_unknown: Whether quiet hours of marketing are unknown, because there is no
            time zone database.
        requests: How many would be made.
        price_per_sms: In euros, as the caller gave it.
        balance: In euros, as the caller gave it.

    Numbers that begin with +33 count as French: our reading.
    """

    items: int
    recipients: int
    already: int
    excluded: int
    duplicates: int
    on_duplicate: OnDuplicate
    by_identity: bool
    rejected: int
    rejections: tuple[Rejection, ...]
    reasons: Mapping[str, int]
    samples: tuple[str, ...] = field(repr=False)
    on_missing: OnMissing | None
    lacking: int
    missing_columns: Mapping[str, Sequence[str]]
    blank: Finding | None
    overdue: datetime | None
    invalid_numbers: Finding | None
    landlines: Finding | None
    countries: Mapping[str, int]
    from_file: bool
    text: TextMeasure | None
    placeholders: tuple[str, ...]
    unknown_placeholders: tuple[str, ...]
    missing_values: Mapping[str, Finding]
    long_values: Mapping[str, Finding]
    messages: Mapping[tuple[Encoding, int], int]
    sms_needed: int
    sms_needed_at_most: int
    too_long: Mapping[int, int]
    forced: Finding | None
    short_numbers: Finding | None
    repeats_short_number: bool
    without_mention: Mapping[str, int]
    in_quiet_hours: int
    goes_out_at: datetime | None
    quiet_until: datetime | None
    quiet_unknown: bool
    requests: int
    price_per_sms: Decimal | None = field(default=None, validator=_is_euros)
    balance: Decimal | None = field(default=None, validator=_is_euros)

    @property
    def people(self) -> int:
        """Recipients in all: new, planned before, and excluded."""
        return self.recipients + self.already + self.excluded

    @property
    def estimated_cost(self) -> Decimal | None:
        """Euros, by the standard count; None without a price."""
        return self._times_price(self.sms_needed)

    @property
    def estimated_cost_at_most(self) -> Decimal | None:
        """Euros, by the gateway's stricter count; None without a price."""
        return self._times_price(self.sms_needed_at_most)

    @property
    def is_enough(self) -> bool | None:
        """
        Whether the balance is.

        True if it is by the stricter count, False if it is not even by the standard
        one. None in between, and without a price or a balance.
        """
        least, most = self.estimated_cost, self.estimated_cost_at_most
        if self.balance is None or least is None or most is None:
            return None
        if least > self.balance:
            return False
        return True if most <= self.balance else None

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why nothing of this should be sent, in sentences; empty if it may be."""
        return tuple(self._words_of_refusal())

    def _words_of_refusal(self) -> Iterator[str]:
        for name in self.unknown_placeholders:
            yield problem_of_placeholder(name)
        for name, meant in self.missing_columns.items():
            yield f"the text {problem_of_column(name, meant)}."
        if self.blank is not None:
            count = _counted(self.blank.count, "recipient")
            yield f"the text is blank for {count}, first in {self.blank.place}."
        if self.overdue is not None:
            yield (
                f"the instant of sending, {self.overdue.isoformat(timespec='minutes')},"
                " is in the past: the gateway would send at once."
            )
        if self.without_mention.get(PREMIUM_MENTION):
            yield _WITHOUT_MENTION[PREMIUM_MENTION]
        asked = self.people + self.lacking
        is_most = 2 * self.lacking > asked
        is_error = self.on_missing is OnMissing.ERROR and self.lacking > 0
        if is_error or (self.on_missing is None and is_most):
            names = ", ".join(f"{{{name}}}" for name in self.missing_values)
            yield (
                f"{_counted(self.lacking, 'recipient')} of {asked:,} "
                f"{'has' if self.lacking == 1 else 'have'} no value for {names}; leave "
                "them out (on_missing='skip', --on-missing skip) or send to them "
                "(--on-missing send)."
            )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Human-readable warnings; the ones about refusals come first."""
        return (
            *self.refusals,
            *self._words_on_texts(),
            *self._words_on_marketing(),
            *self._words_on_values(),
            *self._words_on_numbers(),
            *self._words_on_items(),
            *self._words_on_money(),
        )

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain values, for JSON: money and instants as text."""
        missing = {
            name: self.missing_values[name].count if name in self.missing_values else 0
            for name in self.placeholders
        }
        return {
            "items": self.items,
            "recipients": self.recipients,
            "already": self.already,
            "excluded": self.excluded,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "rejections": [_as_shown(one) for one in self.rejections],
            "rejected_by_reason": dict(self.reasons),
            "samples": list(self.samples),
            "lacking": self.lacking,
            "missing_columns": {
                name: list(meant) for name, meant in self.missing_columns.items()
            },
            "invalid_numbers": _as_dict(self.invalid_numbers),
            "landlines": _as_dict(self.landlines),
            "countries": dict(self.countries),
            "refusals": list(self.refusals),
            "unknown_placeholders": list(self.unknown_placeholders),
            "missing_values": missing,
            "first_missing": _plain(self.missing_values),
            "long_values": _plain(self.long_values),
            "messages": [
                {"encoding": str(encoding), "parts": parts, "recipients": count}
                for (encoding, parts), count in self.messages.items()
            ],
            "too_long": sum(self.too_long.values()),
            "forced": _as_dict(self.forced),
            "sms_needed": self.sms_needed,
            "sms_needed_at_most": self.sms_needed_at_most,
            "requests": self.requests,
            "without_mention": dict(self.without_mention),
            "in_quiet_hours": self.in_quiet_hours,
            "quiet_until": None
            if self.quiet_until is None
            else self.quiet_until.isoformat(),
            "estimated_cost": _as_text(self.estimated_cost),
            "estimated_cost_at_most": _as_text(self.estimated_cost_at_most),
            "balance": _as_text(self.balance),
            "is_enough": self.is_enough,
            "warnings": list(self.warnings),
        }

    def _times_price(self, messages: int) -> Decimal | None:
        return None if self.price_per_sms is None else messages * self.price_per_sms

    def _words_on_texts(self) -> Iterator[str]:
        if self.repeats_short_number:
            yield (
                "XXXXX occurs in the text more than once; the gateway may replace "
                "each with a short number."
            )

    def _words_on_marketing(self) -> Iterator[str]:
        # The destination of a text without recipients is unknown.
        for mention, count in self.without_mention.items():
            is_refusal = count and mention == PREMIUM_MENTION
            if not is_refusal and (count or not self.recipients):
                yield _WITHOUT_MENTION[mention]
        concerns_somebody = self.in_quiet_hours or not self.recipients
        if self.goes_out_at and self.quiet_until and concerns_somebody:
            yield (
                f"it is {self.goes_out_at:%Y-%m-%d %H:%M} in France when this goes "
                "out: marketing should not reach French numbers before "
                f"{self.quiet_until:%Y-%m-%d %H:%M}."
            )
        if self.quiet_unknown:
            yield (
                "quiet hours in France cannot be checked, because this machine has no "
                "time zone database; install the package tzdata."
            )

    def _words_on_values(self) -> Iterator[str]:
        for name, found in self.missing_values.items():
            left_out = self.on_missing is not OnMissing.SEND
            yield (
                f"{{{name}}} has no value for {_counted(found.count, 'recipient')}, "
                f"first in {found.place}{': left out' * left_out}."
            )
        if self.forced is not None and self.forced.character is not None:
            yield (
                f"the values of {_counted(self.forced.count, 'recipient')} make the "
                f"text Unicode, first in {self.forced.place} by "
                f"{character_in_words(self.forced.character)}."
            )
        if self.short_numbers is not None:
            yield (
                f"the values of {_counted(self.short_numbers.count, 'recipient')} "
                f"contain XXXXX, first in {self.short_numbers.place}; the gateway may "
                f"replace it with a short number."
            )
        for limit, count in self.too_long.items():
            yield (
                f"the text has more than {limit:,} characters for "
                f"{_counted(count, 'recipient')}: it may be refused."
            )

    def _words_on_numbers(self) -> Iterator[str]:
        if self.invalid_numbers is not None:
            found = self.invalid_numbers
            verbs = ("has", "does") if found.count == 1 else ("have", "do")
            yield (
                f"{_counted(found.count, 'number')} {verbs[0]} a valid length, but "
                f"{verbs[1]} not exist, first in {found.place}."
            )
        if self.landlines is not None:
            count = _counted(self.landlines.count, "number")
            yield (
                f"{count} of landlines or services probably cannot receive SMS, first "
                f"in "
                f"{self.landlines.place}."
            )

    def _words_on_items(self) -> Iterator[str]:
        one, whole = ("row", "file") if self.from_file else ("item", "source")
        if self.rejected:
            first = self.rejections[0]
            column = (
                "" if first.column_name is None else f", column {first.column_name}"
            )
            yield (
                f"{_counted(self.rejected, one)} cannot be used, first in "
                f"{first.place}{column}: {first.reason}."
            )
        for name, found in self.long_values.items():
            yield (
                f"{name} has more than {MAX_MERGE_FIELD} characters in "
                f"{_counted(found.count, one)}, first in {found.place}."
            )
        if self.duplicates and self.on_duplicate is not OnDuplicate.ERROR:
            fate = (
                "these recipients get the message more than once."
                if self.on_duplicate is OnDuplicate.KEEP
                else "only the first is sent."
            )
            what = "" if self.by_identity else "with a number "
            yield (
                f"{_counted(self.duplicates, one)} {what}that already occurs in the "
                f"{whole}: {fate}"
            )

    def _words_on_money(self) -> Iterator[str]:
        least, most = self.estimated_cost, self.estimated_cost_at_most
        if self.is_enough is False:
            yield (
                f"the balance of {self.balance} euros is not enough for about {least}."
            )
        elif self.is_enough is None and self.balance is not None and most is not None:
            yield (
                f"the balance of {self.balance} euros may not be enough: about {least} "
                f"are needed, at most {most}."
            )


def _plain(findings: Mapping[str, Finding]) -> dict[str, Any]:
    return {name: found.as_dict() for name, found in findings.items()}


def _as_dict(found: Finding | None) -> dict[str, Any] | None:
    return None if found is None else found.as_dict()


def _as_text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'s' * (count != 1)}"


def _as_shown(rejection: Rejection) -> dict[str, object]:
    """Give a rejection as plain values, without the row, which is private."""
    return attrs.asdict(
        rejection, filter=lambda one, _: one.name not in {"header", "cells"}
    )
