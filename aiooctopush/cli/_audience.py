"""What each recipient of a file gets, added up."""

import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from ..api._shared import Recipient, SmsType
from ..text import LOW_COST_MAX, MAX_TEXT, Encoding, TextMeasure, measure, merge
from ._check import FileCheck
from ._console import counted
from ._text import Gaps


ENCODINGS: Final = {Encoding.GSM7: "GSM-7", Encoding.UNICODE: "Unicode"}


def character_in_words(one: str) -> str:
    """A character with its name and number, for those who cannot see it."""
    name = unicodedata.name(one, "")
    return f"{one!r} ({name}{', ' * bool(name)}U+{ord(one):04X})"


class Audience:
    """The recipients of one text."""

    def __init__(self, text: str, kind: SmsType) -> None:
        self._text = text
        self._limit = LOW_COST_MAX if kind is SmsType.LOW_COST else MAX_TEXT
        self._gaps = Gaps(text)
        self._measured = measure(text)
        self._messages: Counter[tuple[Encoding, int]] = Counter()
        self._at_most = 0
        self._too_long = 0
        self._forced = 0
        self._first_forced = ""

    def look(self, line: int, recipient: Recipient) -> None:
        """Look at a recipient, and at the line of the file it comes from."""
        measured = self._measured
        # Without placeholders everybody gets the same.
        if self._gaps.counts:
            self._gaps.look(line, recipient)
            names = self._gaps.counts
            values = {name: getattr(recipient, name) for name in names}
            merged = merge(self._text, values)
            measured = measure(merged)
            self._too_long += len(merged) > self._limit
            self._look_at_encoding(line, measured)
        self._messages[measured.encoding, measured.parts] += 1
        self._at_most += measured.parts_at_most

    def _look_at_encoding(self, line: int, measured: TextMeasure) -> None:
        if measured.forced_by is None or self._measured.forced_by is not None:
            return
        self._forced += 1
        if not self._first_forced:
            character = character_in_words(measured.forced_by)
            self._first_forced = f"first in line {line:,} by {character}"

    @property
    def _sms_needed(self) -> int:
        return sum(parts * count for (_, parts), count in self._messages.items())

    def warnings(self) -> Iterator[str]:
        """What is odd about the values of the file."""
        yield from self._gaps.in_words()
        if self._forced:
            yield (
                f"the values of {counted(self._forced, 'recipient')} make the text "
                f"Unicode, {self._first_forced}."
            )
        if self._too_long:
            yield (
                f"the text has more than {self._limit:,} characters for "
                f"{counted(self._too_long, 'recipient')}: it may be refused."
            )

    def table(self) -> Iterator[tuple[str, str, str, str]]:
        """How many recipients get how many parts, in which encoding."""
        for (encoding, parts), count in sorted(self._messages.items()):
            yield f"{count:,}", ENCODINGS[encoding], f"{parts}", f"{count * parts:,}"

    def rows(self, check: FileCheck) -> Iterator[tuple[str, str]]:
        """The sums, with their labels."""
        yield "Recipients", f"{check.recipients:,}"
        yield "SMS billed", f"about {self._sms_needed:,}, at most {self._at_most:,}"

    def as_json(self, check: FileCheck) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "recipients": check.recipients,
            "duplicates": check.duplicates,
            "missing_values": dict(self._gaps.counts),
            "messages": [
                {"encoding": str(encoding), "parts": parts, "recipients": count}
                for (encoding, parts), count in sorted(self._messages.items())
            ],
            "too_long": self._too_long,
            "sms_needed": self._sms_needed,
            "sms_needed_at_most": self._at_most,
        }
