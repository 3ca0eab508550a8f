"""
A look at one item of a source after the other, before anything is sent.

Nothing of the source is kept but counts, and what was seen as `seen` keeps it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import compress, islice
from typing import Any, Final

from attrs import define

from ..._limits import LOW_COST_MAX, MAX_MERGE_FIELD, MAX_TEXT
from ...api._recipients import MAX_RECIPIENTS, Recipient
from ...api._shared import PAST_AT_MOST, Purpose, SmsType
from ...api.sms import SmsRequest
from ...errors import InvalidFieldError
from ...phone import mask
from ...text import (
    FRENCH_QUIET_HOURS,
    MERGE_FIELDS,
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
from ..options import Identity, OnDuplicate, OnMissing
from ..sources.batching import Item
from ..sources.blocks import Block, RowOrBlock
from ..sources.duplicates import SeenKeys, SeenNumbers
from ..sources.table import IS_EMPTY
from ..sources.text_file import SourceError
from ..sources.used import missing_columns, requires_values, restricted
from .findings import LOW_COST_MENTION, PREMIUM_MENTION, Finding, Preview
from .tallies import (
    LISTED_AT_MOST,
    SAMPLES,
    Countries,
    Doubts,
    Rejections,
    Samples,
    Tally,
)
from .text_lengths import SHORT_NUMBER, LengthGroup, MergedLengths


_FRENCH: Final = "+33"
# A name of its own: this is asked for each of millions.
_UNICODE: Final = Encoding.UNICODE
_VALUE_TOO_LONG: Final = f"must have 1 to {MAX_MERGE_FIELD} characters"


@define(kw_only=True)
class _Said:
    """
    A text with its purpose, and what that means for those who get it.

    Attributes:
        text: The text.
        alone: Its group, if it is the same for everybody.
        is_unicode: Whether it is so without any values.
        can_be_blank: Whether nothing is left of it without values.
        lacks: The STOP mention that it needs and does not have.
        quiet: When it goes out and when the quiet in France ends, if it is quiet.
        is_marketing: Whether one of the two before is said.
    """

    text: MergedLengths
    alone: LengthGroup | None
    is_unicode: bool
    can_be_blank: bool
    lacks: str | None
    quiet: tuple[datetime, datetime] | None
    is_marketing: bool


class Inspection:
    """
    The look itself, one item after the other; `result` tells at any time.

    A text alone can be looked at, too: ask for the result at once.

    Args:
        text: What all recipients get; None if items are requests with their own.
        purpose: None if it is not known; then nothing is said about marketing.
        type: The quality of the route.
        send_at: When; None for now.
        optimized: Whether the gateway may rewrite the text.
        now: The present instant.
        on_duplicate: As in a run. An error is a rejection here.
        on_missing: As in a run.
        identity: As in a run.
        batch_size: As in a run.
        quiet_hours: None for no warning about them.

    The constructor may read the time zone database from disk.
    """

    def __init__(
        self,
        text: str | None = None,
        *,
        purpose: Purpose | None = None,
        type: SmsType = SmsType.PREMIUM,
        send_at: datetime | None = None,
        optimized: bool = True,
        now: datetime,
        on_duplicate: OnDuplicate = OnDuplicate.SKIP,
        on_missing: OnMissing | None = OnMissing.SEND,
        identity: Identity | None = None,
        batch_size: int = MAX_RECIPIENTS,
        quiet_hours: QuietHours | None = FRENCH_QUIET_HOURS,
    ) -> None:
        self._now = now
        is_past = send_at is not None and send_at < now - PAST_AT_MOST
        self._overdue = send_at if is_past else None
        self._text, self._on_missing = text, on_missing
        self._requires = requires_values(on_missing)
        self._lacking = 0
        self._samples, self._doubts, self._blank = Samples(), Doubts(), Tally()
        self._missing_columns: Mapping[str, Sequence[str]] = {}
        self._countries = Countries()
        self._on_duplicate = on_duplicate
        self._identity = identity
        self._batch_size = batch_size
        self._quiet_hours = quiet_hours
        self._keys = SeenKeys()
        # Of requests with a text of their own, numbers are not compared.
        self._numbers = SeenNumbers() if identity is None and text is not None else None
        self._items = self._recipients = self._duplicates = self._requests = 0
        self._has_lines = False
        self._rejections = Rejections()
        self._groups: dict[tuple[object, ...], LengthGroup] = {}
        self._missing: dict[str, Tally] = {}
        self._long_values: dict[str, Tally] = {}
        self._forced, self._forced_by = Tally(), ""
        self._short_numbers = Tally()
        self._unknown: dict[str, None] = {}
        self._repeats_short_number = False
        self._without_mention: Counter[str] = Counter()
        self._in_quiet = 0
        self._quiet: tuple[datetime, datetime] | None = None
        self._quiet_unknown = self._is_marketing = False
        self._latest: tuple[object, _Said] | None = None
        # Also without a text: the first question reads the time zone from disk.
        self._quiet_at(now)
        self._said = (
            None
            if text is None
            else self._say(text, purpose, type, send_at, optimized=optimized)
        )

    def prepared(self, source: Any) -> Any:
        """
        Note what a source lacks, and return it as it is to be looked at.

        A file is then read no further than the text uses it. Its header is read,
        which blocks.

        Raises:
            SourceError: The file cannot be opened, or its header not be read.
        """
        if self._text is None:
            return source
        self._missing_columns = missing_columns(source, self._text)
        return restricted(source, self._text, self._on_missing, identity=self._identity)

    # --- items ------------------------------------------------------------------------

    def look(self, item: Item, line: int | None = None) -> None:
        """
        Look at the next item.

        Args:
            item: What the source yielded.
            line: Where it starts in its file, counted from 1; None if it is no file.

        Raises:
            InvalidFieldError: No run with this message could send it: a request
                where there is a text, or the other way round.
        """
        position = self._items
        self._items = position + 1
        if line is not None:
            self._has_lines = True
        said = self._said
        if said is None:
            self._look_at_request(item, position, line)
            return
        recipient = (
            item
            if isinstance(item, Recipient)
            else self._recipient_of(item, position, line)
        )
        if recipient is None or not self._has_values(recipient, said, position, line):
            return
        if self._numbers is not None:
            is_new = self._numbers.add(recipient.phone_number)
        else:
            is_new = self._is_new(recipient)
        number = recipient.phone_number
        if is_new or self._is_kept(position, line, number):
            self._count(number, said.text.values_of(recipient), said, position, line)

    def _has_values(
        self, recipient: Recipient, said: _Said, position: int, line: int | None
    ) -> bool:
        """Whether somebody has what the text uses; otherwise it is a rejection."""
        # Rows of a file that lack it are given as errors already.
        values = said.text.values_of(recipient) if self._requires else ()
        if "" not in values:
            return True
        self._lacking += 1
        self._note_missing(said.text.names, values, position, line)
        name = said.text.names[values.index("")]
        self._rejections.add(position, line, IS_EMPTY, None, column=name)
        return False

    def look_at(self, piece: RowOrBlock) -> None:
        """
        Look at what comes next in a file: as `look` at each row, if there are many.

        Raises:
            InvalidFieldError: As from `look`.
        """
        if not isinstance(piece, Block):
            line, row = piece
            self.look(row, line)
        elif self._said is None or self._numbers is None:
            for line, recipient in zip(piece.lines, piece.recipients(), strict=True):
                self.look(recipient, line)
        else:
            self._look_at_block(piece, self._said, self._numbers)

    def _look_at_block(self, block: Block, said: _Said, seen: SeenNumbers) -> None:
        self._has_lines = True
        positions: Sequence[int] = range(self._items, self._items + len(block))
        self._items += len(block)
        again = seen.add_all(block.numbers)
        if again:
            chosen = [True] * len(block)
            for at in again:
                number = block.numbers[at]
                chosen[at] = self._is_kept(positions[at], block.lines[at], number)
            positions, block = list(compress(positions, chosen)), block.select(chosen)
        if len(block):
            self._count_block(block, said, positions)

    def _count_block(self, block: Block, said: _Said, positions: Sequence[int]) -> None:
        """Count those who get a message: as `_count` does each."""
        text, lines = said.text, block.lines
        nothing = ("",) * len(block)
        columns = [block.columns.get(name, nothing) for name in text.names]
        groups: Iterable[tuple[LengthGroup, int]] | None
        if said.can_be_blank:
            groups = None
        elif said.alone is None:
            groups = text.groups(columns)
        else:
            groups = [(said.alone, len(block))]
        if groups is None:
            rows = zip(*columns, strict=True)
            people = zip(block.numbers, rows, positions, lines, strict=True)
            for number, values, position, line in people:
                self._count(number, values, said, position, line)
            return
        self._recipients += len(block)
        self._doubts.look(block.numbers, positions, lines)
        self._countries.look(block.numbers)
        self._samples.keep(text, _first_rows(columns))
        if said.is_marketing:
            self._look_at_marketing(block.numbers, said)
        for group, count in groups:
            group.recipients += count
        for name, column in zip(text.names, columns, strict=True):
            if "" in column:
                first = column.index("")
                count = column.count("")
                self._missing[name].add(positions[first], lines[first], count)

    def _recipient_of(
        self, item: Item, position: int, line: int | None
    ) -> Recipient | None:
        """A recipient, if this is one; otherwise it is rejected."""
        if isinstance(item, SourceError):
            self._reject_row(item, position, line)
            return None
        if not isinstance(item, str):
            raise self._other_kind("a str or a Recipient, for the run has its own text")
        try:
            return Recipient(item)
        except InvalidFieldError as error:
            self._rejections.add(position, line, error.limit, error.shown)
            return None

    def _look_at_request(self, item: Item, position: int, line: int | None) -> None:
        if isinstance(item, SourceError):
            self._reject_row(item, position, line)
            return
        if not isinstance(item, SmsRequest):
            raise self._other_kind("an SmsRequest, for the run has no text of its own")
        if self._is_new(item) or self._is_kept(position, line):
            self._requests += 1
            said = self._said_by(item)
            for one in item.recipients:
                values = said.text.values_of(one)
                self._count(one.phone_number, values, said, position, line)

    def _other_kind(self, wanted: str) -> InvalidFieldError:
        place = f"item {self._items:,} of the source"
        return InvalidFieldError(place, f"must be {wanted}")

    def _is_new(self, content: Recipient | SmsRequest) -> bool:
        """Whether an item comes for the first time; without an identity all do."""
        return self._identity is None or self._keys.add(self._identity(content))

    def _is_kept(
        self, position: int, line: int | None, number: str | None = None
    ) -> bool:
        """Count an item that was there before, and tell whether it is sent."""
        self._duplicates += 1
        if self._on_duplicate is OnDuplicate.ERROR:
            shown = None if number is None else mask(number)
            self._rejections.add(position, line, "was there before", shown)
        return self._on_duplicate is OnDuplicate.KEEP

    def _count(
        self,
        number: str,
        values: tuple[str, ...],
        said: _Said,
        position: int,
        line: int | None,
    ) -> None:
        """Count somebody who gets a message with these values."""
        self._recipients += 1
        self._doubts.look((number,), (position,), (line,))
        self._countries.look((number,))
        if self._said is not None:
            self._samples.keep(said.text, [values])
        if said.can_be_blank and not said.text.merged(values).strip():
            self._blank.add(position, line)
        if said.is_marketing:
            self._look_at_marketing((number,), said)
        group = said.alone
        if group is None:
            text = said.text
            if "" in values:
                self._note_missing(text.names, values, position, line)
            joined = "".join(values)
            group = text.group(values, joined)
            if group.encoding is _UNICODE and not said.is_unicode:
                self._forced_by = self._forced_by or text.forced_by(joined) or ""
                self._forced.add(position, line)
            if SHORT_NUMBER in joined and text.adds_short_number(values):
                self._short_numbers.add(position, line)
        group.recipients += 1

    def _look_at_marketing(self, numbers: Sequence[str], said: _Said) -> None:
        french = sum(number.startswith(_FRENCH) for number in numbers)
        if said.lacks is not None:
            is_for_all = said.lacks == LOW_COST_MENTION
            self._without_mention[said.lacks] += len(numbers) if is_for_all else french
        if said.quiet is not None:
            self._in_quiet += french

    def _note_missing(
        self,
        names: tuple[str, ...],
        values: tuple[str, ...],
        position: int,
        line: int | None,
    ) -> None:
        for name, value in zip(names, values, strict=True):
            if not value:
                self._missing[name].add(position, line)

    def _reject_row(self, row: SourceError, position: int, line: int | None) -> None:
        line = row.line if line is None else line
        if row.field in MERGE_FIELDS and row.reason == _VALUE_TOO_LONG:
            tally = self._long_values.setdefault(row.field, Tally())
            tally.add(position, line)
        if row.field in self._missing and row.reason == IS_EMPTY:
            self._lacking += 1
            self._missing[row.field].add(position, line)
        self._rejections.add(position, line, row.reason, row.shown, column=row.column)

    # --- texts ------------------------------------------------------------------------

    def _said_by(self, request: SmsRequest) -> _Said:
        """What a request says; requests in a row mostly say the same."""
        key = (
            request.text,
            request.purpose,
            request.type,
            request.send_at,
            request.auto_optimize_text,
        )
        if self._latest is None or self._latest[0] != key:
            said = self._say(
                *key[:4], optimized=request.auto_optimize_text is not False
            )
            self._latest = key, said
        return self._latest[1]

    def _say(
        self,
        text: str,
        purpose: Purpose | None,
        type: SmsType,
        send_at: datetime | None,
        *,
        optimized: bool,
    ) -> _Said:
        """Look at a text by itself."""
        is_low_cost = type is SmsType.LOW_COST
        limit = LOW_COST_MAX if is_low_cost else MAX_TEXT
        personal = MergedLengths(
            text, optimized=optimized, group_of=partial(self._group_of, limit)
        )
        for name in unknown_placeholders(text):
            if len(self._unknown) < LISTED_AT_MOST:
                self._unknown[name] = None
        for name in personal.names:
            self._missing.setdefault(name, Tally())
        if placeholder_runs(text) > 1:
            self._repeats_short_number = True
        lacks, quiet = None, None
        if purpose is Purpose.WHOLESALE:
            self._is_marketing = True
            lacks = _missing_mention(text, is_low_cost=is_low_cost)
            quiet = self._quiet_at(send_at or self._now)
            self._quiet = self._quiet or quiet
        if lacks is not None:
            self._without_mention.setdefault(lacks, 0)
        return _Said(
            text=personal,
            alone=None if personal.names else personal.group((), ""),
            is_unicode=personal.measured.encoding is _UNICODE,
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
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = LengthGroup(
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
            self._quiet_unknown = True
            return None
        return None if end is None else (in_france(instant), end)

    # --- the result -------------------------------------------------------------------

    def result(
        self, *, price_per_sms: Decimal | None = None, balance: Decimal | None = None
    ) -> Preview:
        """
        What was found so far.

        Args:
            price_per_sms: In euros, for an estimate of the cost; it is never guessed.
            balance: In euros, to be compared with that.

        Raises:
            InvalidFieldError: An amount is no Decimal, or is below 0.
        """
        groups = [group for group in self._groups.values() if group.recipients]
        messages: Counter[tuple[Encoding, int]] = Counter()
        too_long: Counter[int] = Counter()
        for group in groups:
            messages[group.encoding, group.parts] += group.recipients
            if group.exceeds is not None:
                too_long[group.exceeds] += group.recipients
        return Preview(
            items=self._items,
            recipients=self._recipients,
            duplicates=self._duplicates,
            on_duplicate=self._on_duplicate,
            by_identity=self._identity is not None,
            rejected=self._rejections.count,
            rejections=tuple(self._rejections.first),
            reasons=dict(self._rejections.reasons.most_common()),
            samples=tuple(self._samples.texts),
            on_missing=self._on_missing,
            lacking=self._lacking,
            missing_columns=dict(self._missing_columns),
            blank=self._blank.finding(),
            overdue=self._overdue,
            invalid_numbers=self._doubts.invalid.finding(),
            landlines=self._doubts.landlines.finding(),
            countries=dict(self._countries.counts.most_common()),
            from_file=self._has_lines,
            text=None if self._said is None else self._said.text.measured,
            placeholders=tuple(self._missing),
            unknown_placeholders=tuple(self._unknown),
            missing_values=_only_found(self._missing),
            long_values=_only_found(self._long_values),
            messages=dict(sorted(messages.items())),
            sms_needed=sum(one.parts * one.recipients for one in groups),
            sms_needed_at_most=sum(
                one.parts_at_most * one.recipients for one in groups
            ),
            too_long=dict(too_long),
            forced=self._forced.finding(self._forced_by),
            short_numbers=self._short_numbers.finding(),
            repeats_short_number=self._repeats_short_number,
            without_mention=dict(self._without_mention),
            in_quiet_hours=self._in_quiet,
            goes_out_at=None if self._quiet is None else self._quiet[0],
            quiet_until=None if self._quiet is None else self._quiet[1],
            quiet_unknown=self._quiet_unknown and self._is_marketing,
            requests=self._requests or -(-self._recipients // self._batch_size),
            price_per_sms=price_per_sms,
            balance=balance,
        )


def _first_rows(columns: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    return list(islice(zip(*columns, strict=True), SAMPLES)) if columns else [()]


def _missing_mention(text: str, *, is_low_cost: bool) -> str | None:
    if is_low_cost:
        return None if has_low_cost_stop(text) else LOW_COST_MENTION
    return None if has_stop_mention(text) else PREMIUM_MENTION


def _only_found(tallies: dict[str, Tally]) -> dict[str, Finding]:
    found = {name: tally.finding() for name, tally in tallies.items()}
    return {name: one for name, one in found.items() if one is not None}
