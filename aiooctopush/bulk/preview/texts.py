"""The texts of a preview, each inspected separately: length, STOP, hours."""

from collections import Counter
from datetime import datetime
from functools import partial

from attrs import define, field, frozen

from ..._limits import LOW_COST_MAX, MAX_TEXT
from ...api._shared import Purpose, SmsType
from ...api.sms import SmsRequest
from ...text import (
    Encoding,
    QuietHours,
    TextMeasure,
    has_low_cost_stop,
    has_stop_mention,
    in_france,
    merge,
    placeholder_runs,
    quiet_until,
    unknown_placeholders,
)
from .findings import LOW_COST_MENTION, PREMIUM_MENTION
from .tallies import LISTED_AT_MOST, Tally
from .text_lengths import LengthGroup, MergedLengths


@frozen(kw_only=True)
class InspectedText:
    """
    A text with its purpose, and the consequences for its recipients.

    Attributes:
        text: The text with its placeholders, measured.
        alone: Its group, if it is the same for all recipients.
        is_unicode: Whether it needs Unicode without any values.
        can_be_blank: Whether nothing is left of it without values.
        lacks: The STOP mention that it needs and does not have.
        quiet: When it goes out and when the quiet in France ends, if it is quiet.
        is_marketing: True if ``lacks`` or ``quiet`` is set.
    """

    text: MergedLengths
    alone: LengthGroup | None
    is_unicode: bool
    can_be_blank: bool
    lacks: str | None
    quiet: tuple[datetime, datetime] | None
    is_marketing: bool


@define(repr=False)  # texts are private
class InspectedTexts:
    """
    Inspects texts, and collects the findings of all of them.

    Attributes:
        groups: Groups of the same length, to count recipients in.
        missing: By placeholder of any text, recipients without a value for it.
        unknown: Words in braces that are no placeholder, the first 20.
        repeats_short_number: Whether a text has several runs of five X.
        without_mention: By STOP mention that a text lacks, recipients who need it.
        is_marketing: Whether there is a text for marketing.
        quiet: When the first text that meets quiet hours goes out, and their end.
        quiet_unknown: Whether this machine has no time zones to determine the hours.

    The constructor may read the time zone database from disk.
    """

    _now: datetime
    _quiet_hours: QuietHours | None
    groups: dict[tuple[object, ...], LengthGroup] = field(factory=dict, init=False)
    missing: dict[str, Tally] = field(factory=dict, init=False)
    unknown: dict[str, None] = field(factory=dict, init=False)
    repeats_short_number: bool = field(default=False, init=False)
    without_mention: Counter[str] = field(factory=Counter, init=False)
    is_marketing: bool = field(default=False, init=False)
    quiet: tuple[datetime, datetime] | None = field(default=None, init=False)
    quiet_unknown: bool = field(default=False, init=False)
    _latest: tuple[object, InspectedText] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        # The first question reads the time zone from disk: never within a look.
        self._quiet_at(self._now)

    def of_request(self, request: SmsRequest) -> InspectedText:
        """Inspect the text of a request; requests in a row mostly share one text."""
        key = (
            request.text,
            request.purpose,
            request.type,
            request.send_at,
            request.auto_optimize_text,
        )
        if self._latest is None or self._latest[0] != key:
            optimized = request.auto_optimize_text is not False
            self._latest = key, self.inspect(*key[:4], optimized=optimized)
        return self._latest[1]

    def inspect(
        self,
        text: str,
        purpose: Purpose | None,
        type: SmsType,
        send_at: datetime | None,
        *,
        optimized: bool,
    ) -> InspectedText:
        """Inspect a single text."""
        is_low_cost = type is SmsType.LOW_COST
        limit = LOW_COST_MAX if is_low_cost else MAX_TEXT
        merged = MergedLengths(
            text, optimized=optimized, group_of=partial(self._group_of, limit)
        )
        for name in unknown_placeholders(text):
            if len(self.unknown) < LISTED_AT_MOST:
                self.unknown[name] = None
        for name in merged.names:
            self.missing.setdefault(name, Tally())
        if placeholder_runs(text) > 1:
            self.repeats_short_number = True
        lacks, quiet = None, None
        if purpose is Purpose.WHOLESALE:
            self.is_marketing = True
            lacks = _missing_mention(text, is_low_cost=is_low_cost)
            quiet = self._quiet_at(send_at or self._now)
            self.quiet = self.quiet or quiet
        if lacks is not None:
            self.without_mention.setdefault(lacks, 0)
        return InspectedText(
            text=merged,
            alone=None if merged.names else merged.group((), ""),
            is_unicode=merged.measured.encoding is Encoding.UNICODE,
            can_be_blank=not merge(text, {}).strip(),
            lacks=lacks,
            quiet=quiet,
            is_marketing=lacks is not None or quiet is not None,
        )

    def _group_of(
        self, limit: int, measured: TextMeasure, characters: int
    ) -> LengthGroup:
        exceeds = limit if characters > limit else None
        key = (measured.encoding, measured.parts, measured.parts_at_most, exceeds)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = LengthGroup(
                encoding=measured.encoding,
                parts=measured.parts,
                parts_at_most=measured.parts_at_most,
                exceeds=exceeds,
            )
        return group

    def _quiet_at(self, instant: datetime) -> tuple[datetime, datetime] | None:
        """When that is in France, and until when it is quiet there, if it is."""
        if self._quiet_hours is None:
            return None
        try:
            end = quiet_until(instant, hours=self._quiet_hours)
        except LookupError:
            self.quiet_unknown = True
            return None
        return None if end is None else (in_france(instant), end)


def _missing_mention(text: str, *, is_low_cost: bool) -> str | None:
    if is_low_cost:
        return None if has_low_cost_stop(text) else LOW_COST_MENTION
    return None if has_stop_mention(text) else PREMIUM_MENTION
