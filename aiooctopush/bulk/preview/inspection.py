"""
A look at one item of a source after the other, before anything is sent.

Only counts are kept, and the identities in `seen`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import compress, islice
from typing import Any, Final

from ..._limits import MAX_MERGE_FIELD
from ...api._recipients import MAX_RECIPIENTS, Recipient
from ...api._shared import Purpose, SmsType, is_past
from ...api.sms import SmsRequest
from ...errors import InvalidFieldError
from ...phone import as_ints, heads_of, mask
from ...text import (
    FRENCH_QUIET_HOURS,
    MERGE_FIELDS,
    Encoding,
    QuietHours,
)
from ..options import Identity, OnDuplicate, OnMissing
from ..sources.blocks import Block, RowOrBlock
from ..sources.duplicates import SeenNumbers
from ..sources.opening import Item
from ..sources.people import ALREADY, EXCLUDED, People, SeenDigests, known_by
from ..sources.table import IS_EMPTY
from ..sources.text_file import SourceError
from ..sources.used import missing_columns, requires_values, restricted
from .findings import LOW_COST_MENTION, Finding, Preview
from .tallies import (
    SAMPLES,
    Countries,
    Doubts,
    Rejections,
    Samples,
    Tally,
)
from .text_lengths import SHORT_NUMBER, LengthGroup
from .texts import InspectedText, InspectedTexts


_FRENCH: Final = "+33"
# A name of its own: this is asked for each of millions.
_UNICODE: Final = Encoding.UNICODE
_VALUE_TOO_LONG: Final = f"must have 1 to {MAX_MERGE_FIELD} characters"


class Inspection:
    """
    The analysis, one item after the other; `result` returns the state at any time.

    A text alone can be looked at, too: ask for the result at once.

    Args:
        text: The text for all recipients; None if items are requests with their own.
        purpose: None if it is unknown; then marketing is not checked.
        type: The quality of the route.
        send_at: When; None for now.
        optimized: Whether the gateway may rewrite the text.
        now: The present instant.
        on_duplicate: As in a run. An error is a rejection here.
        on_missing: As in a run.
        identity: As in a run.
        batch_size: As in a run.
        quiet_hours: None for no warning about them.
        people: Recipients whom the run has planned before, or leaves out; they are
            counted separately. None if there are none.

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
        people: People | None = None,
    ) -> None:
        self._people = people if people is not None and people.leaves_out else None
        self._already = self._excluded = 0
        self._overdue = send_at if is_past(send_at, now) else None
        self._text, self._on_missing = text, on_missing
        self._requires = requires_values(on_missing)
        self._lacking = 0
        self._samples, self._doubts, self._blank = Samples(), Doubts(), Tally()
        self._missing_columns: Mapping[str, Sequence[str]] = {}
        self._countries = Countries()
        self._on_duplicate = on_duplicate
        self._identity = identity
        self._batch_size = batch_size
        self._keys = SeenDigests()
        # Of requests with a text of their own, numbers are not compared.
        self._numbers = SeenNumbers() if identity is None and text is not None else None
        self._items = self._recipients = self._duplicates = self._requests = 0
        self._has_lines = False
        self._rejections = Rejections()
        self._texts = InspectedTexts(now, quiet_hours)
        self._missing = self._texts.missing
        self._without_mention = self._texts.without_mention
        self._in_quiet = 0
        self._long_values: dict[str, Tally] = {}
        self._forced, self._forced_by = Tally(), ""
        self._short_numbers = Tally()
        self._message = (
            None
            if text is None
            else self._texts.inspect(text, purpose, type, send_at, optimized=optimized)
        )

    def prepared(self, source: Any) -> Any:
        """
        Record the missing values of a source, and return the source to analyze.

        A file is then read no further than the text uses it. Its header is read,
        which blocks.

        Raises:
            SourceError: The file cannot be opened, or its header not be read.
        """
        if self._text is None:
            return source
        self._missing_columns = missing_columns(source, self._text)
        return restricted(source, self._text, self._on_missing, identity=self._identity)

    def look(self, item: Item, line: int | None = None) -> None:
        """
        Look at the next item.

        Args:
            item: The item that the source yielded.
            line: Where it starts in its file, counted from 1; None if it is no file.

        Raises:
            InvalidFieldError: No run with this message could send it: a request
                where there is a text, or the other way round.
        """
        position = self._items
        self._items = position + 1
        if line is not None:
            self._has_lines = True
        message = self._message
        if message is None:
            self._look_at_request(item, position, line)
            return
        recipient = (
            item
            if isinstance(item, Recipient)
            else self._recipient_of(item, position, line)
        )
        if recipient is None or not self._has_values(
            recipient, message, position, line
        ):
            return
        if self._numbers is not None:
            is_new = self._numbers.add(recipient.phone_number)
        else:
            is_new = self._is_new(recipient)
        number = recipient.phone_number
        if (is_new or self._is_kept(position, line, number)) and not self._is_left_out(
            recipient
        ):
            self._count(
                number, message.text.values_of(recipient), message, position, line
            )

    def _has_values(
        self,
        recipient: Recipient,
        message: InspectedText,
        position: int,
        line: int | None,
    ) -> bool:
        """
        Whether a recipient has the values that the text uses; otherwise it is a
        rejection.
        """
        # Rows of a file that lack it are given as errors already.
        values = message.text.values_of(recipient) if self._requires else ()
        if "" not in values:
            return True
        self._lacking += 1
        self._note_missing(message.text.names, values, position, line)
        name = message.text.names[values.index("")]
        self._rejections.add(position, line, IS_EMPTY, None, column=name)
        return False

    def look_at(self, piece: RowOrBlock) -> None:
        """
        Analyze the next rows of a file: like `look` for each row, if there are many.

        Raises:
            InvalidFieldError: As from `look`.
        """
        if not isinstance(piece, Block):
            line, row = piece
            self.look(row, line)
        elif self._message is None or self._numbers is None:
            for line, recipient in zip(piece.lines, piece.recipients(), strict=True):
                self.look(recipient, line)
        else:
            self._look_at_block(piece, self._message, self._numbers)

    def _look_at_block(
        self, block: Block, message: InspectedText, seen: SeenNumbers
    ) -> None:
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
        if self._people is not None:
            numbers = as_ints(block.numbers)
            gone = self._left_out(self._people, numbers, numbers)
            chosen = [at not in gone for at in range(len(block))]
            positions, block = list(compress(positions, chosen)), block.select(chosen)
        if len(block):
            self._count_block(block, message, positions)

    def _count_block(
        self, block: Block, message: InspectedText, positions: Sequence[int]
    ) -> None:
        """Count the recipients who get a message, each as `_count` does."""
        text, lines = message.text, block.lines
        nothing = ("",) * len(block)
        columns = [block.columns.get(name, nothing) for name in text.names]
        groups: Iterable[tuple[LengthGroup, int]] | None
        if message.can_be_blank:
            groups = None
        elif message.alone is None:
            groups = text.groups(columns)
        else:
            groups = [(message.alone, len(block))]
        if groups is None:
            rows = zip(*columns, strict=True)
            people = zip(block.numbers, rows, positions, lines, strict=True)
            for number, values, position, line in people:
                self._count(number, values, message, position, line)
            return
        self._recipients += len(block)
        heads = heads_of(block.numbers)
        self._doubts.look(block.numbers, heads, positions, lines)
        self._countries.look(block.numbers, heads)
        self._samples.keep(text, _first_rows(columns))
        if message.is_marketing:
            self._look_at_marketing(block.numbers, message)
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
            raise self._other_kind(
                "a str or a Recipient, because the run has its own text"
            )
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
            raise self._other_kind(
                "an SmsRequest, because the run has no text of its own"
            )
        if (
            self._is_new(item) or self._is_kept(position, line)
        ) and not self._is_left_out(item):
            self._requests += 1
            message = self._texts.of_request(item)
            for one in item.recipients:
                values = message.text.values_of(one)
                self._count(one.phone_number, values, message, position, line)

    def _other_kind(self, wanted: str) -> InvalidFieldError:
        place = f"item {self._items:,} of the source"
        return InvalidFieldError(place, f"must be {wanted}")

    def _is_left_out(self, content: Recipient | SmsRequest) -> bool:
        if self._people is None:
            return False
        value, number = known_by(content, self._identity)
        numbers = () if number is None else (number,)
        return bool(self._left_out(self._people, (value,), numbers))

    def _left_out(
        self, people: People, values: Sequence[Any], numbers: Sequence[int]
    ) -> set[int]:
        """Count planned or excluded recipients, and return their positions."""
        kinds = people.sift(values, numbers)
        self._already += kinds.count(ALREADY)
        self._excluded += kinds.count(EXCLUDED)
        return {at for at, kind in enumerate(kinds) if kind in {ALREADY, EXCLUDED}}

    def _is_new(self, content: Recipient | SmsRequest) -> bool:
        """Whether an item comes for the first time; without an identity all do."""
        if self._identity is None:
            return True
        return not self._keys.note((known_by(content, self._identity)[0],))

    def _is_kept(
        self, position: int, line: int | None, number: str | None = None
    ) -> bool:
        """Count a repeated item, and return whether it is sent."""
        self._duplicates += 1
        if self._on_duplicate is OnDuplicate.ERROR:
            shown = None if number is None else mask(number)
            self._rejections.add(position, line, "was there before", shown)
        return self._on_duplicate is OnDuplicate.KEEP

    def _count(
        self,
        number: str,
        values: tuple[str, ...],
        message: InspectedText,
        position: int,
        line: int | None,
    ) -> None:
        """Count a recipient who gets a message with these values."""
        self._recipients += 1
        heads = heads_of((number,))
        self._doubts.look((number,), heads, (position,), (line,))
        self._countries.look((number,), heads)
        if self._message is not None:
            self._samples.keep(message.text, [values])
        if message.can_be_blank and not message.text.merged(values).strip():
            self._blank.add(position, line)
        if message.is_marketing:
            self._look_at_marketing((number,), message)
        group = message.alone
        if group is None:
            text = message.text
            if "" in values:
                self._note_missing(text.names, values, position, line)
            joined = "".join(values)
            group = text.group(values, joined)
            if group.encoding is _UNICODE and not message.is_unicode:
                self._forced_by = self._forced_by or text.forced_by(joined) or ""
                self._forced.add(position, line)
            if SHORT_NUMBER in joined and text.adds_short_number(values):
                self._short_numbers.add(position, line)
        group.recipients += 1

    def _look_at_marketing(
        self, numbers: Sequence[str], message: InspectedText
    ) -> None:
        french = sum(number.startswith(_FRENCH) for number in numbers)
        if message.lacks is not None:
            is_for_all = message.lacks == LOW_COST_MENTION
            self._without_mention[message.lacks] += (
                len(numbers) if is_for_all else french
            )
        if message.quiet is not None:
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

    def result(
        self, *, price_per_sms: Decimal | None = None, balance: Decimal | None = None
    ) -> Preview:
        """
        Findings so far.

        Args:
            price_per_sms: In euros, for an estimate of the cost; it is never guessed.
            balance: In euros, to be compared with that.

        Raises:
            InvalidFieldError: An amount is no Decimal, or is below 0.
        """
        quiet = self._texts.quiet
        groups = [group for group in self._texts.groups.values() if group.recipients]
        messages: Counter[tuple[Encoding, int]] = Counter()
        too_long: Counter[int] = Counter()
        for group in groups:
            messages[group.encoding, group.parts] += group.recipients
            if group.exceeds is not None:
                too_long[group.exceeds] += group.recipients
        return Preview(
            items=self._items,
            recipients=self._recipients,
            already=self._already,
            excluded=self._excluded,
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
            text=None if self._message is None else self._message.text.measured,
            placeholders=tuple(self._missing),
            unknown_placeholders=tuple(self._texts.unknown),
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
            repeats_short_number=self._texts.repeats_short_number,
            without_mention=dict(self._without_mention),
            in_quiet_hours=self._in_quiet,
            goes_out_at=None if quiet is None else quiet[0],
            quiet_until=None if quiet is None else quiet[1],
            quiet_unknown=self._texts.quiet_unknown and self._texts.is_marketing,
            requests=self._requests or -(-self._recipients // self._batch_size),
            price_per_sms=price_per_sms,
            balance=balance,
        )


def _first_rows(columns: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    return list(islice(zip(*columns, strict=True), SAMPLES)) if columns else [()]


def _only_found(tallies: dict[str, Tally]) -> dict[str, Finding]:
    found = {name: tally.finding() for name, tally in tallies.items()}
    return {name: one for name, one in found.items() if one is not None}
