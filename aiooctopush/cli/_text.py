"""What is odd about a text: for the preview, and as warnings before a bulk."""

from collections.abc import Iterator
from difflib import get_close_matches

from ..api._shared import Purpose, Recipient, SmsType
from ..text import (
    MERGE_FIELDS,
    has_low_cost_stop,
    has_stop_mention,
    placeholder_runs,
    placeholders,
    unknown_placeholders,
)
from ._console import counted


def warnings_of(text: str, purpose: Purpose | None, kind: SmsType) -> Iterator[str]:
    """
    What will hardly do what is wanted, in words.

    Args:
        text: As it is given, with its placeholders.
        purpose: None if it is not known.
        kind: The quality of the route.
    """
    for name in unknown_placeholders(text):
        meant = suggestion(name)
        advice = f"; did you mean {{{meant}}}?" if meant else "."
        yield f"{{{name}}} is no placeholder and is sent as it stands{advice}"
    if purpose is Purpose.WHOLESALE:
        yield from _stop_warnings(text, kind)
    if placeholder_runs(text) > 1:
        yield (
            "XXXXX stands in the text more than once: the gateway may put a short "
            "number in place of each."
        )


def suggestion(name: str) -> str | None:
    """The placeholder that was probably meant."""
    plain = name.strip().lower().replace(" ", "_").replace("-", "_")
    found = get_close_matches(plain, MERGE_FIELDS, n=1)
    return found[0] if found else None


def _stop_warnings(text: str, kind: SmsType) -> Iterator[str]:
    if kind is SmsType.LOW_COST:
        if not has_low_cost_stop(text):
            yield (
                "marketing as sms_low_cost may be refused without the mention "
                "'no PUB=STOP' in the text."
            )
    elif not has_stop_mention(text):
        yield (
            "marketing to French numbers is refused without the mention "
            "'STOP au XXXXX' in the text."
        )


class Gaps:
    """Counts recipients who have no value for a placeholder of the text."""

    def __init__(self, text: str) -> None:
        self.counts = dict.fromkeys(placeholders(text), 0)
        self._lines: dict[str, int] = {}

    def look(self, line: int, recipient: Recipient) -> None:
        """Look at a recipient, and at the line of the file it comes from."""
        for name in self.counts:
            if not getattr(recipient, name):
                self.counts[name] += 1
                self._lines.setdefault(name, line)

    def in_words(self) -> Iterator[str]:
        """A line for each placeholder that somebody has no value for."""
        for name, line in self._lines.items():
            yield (
                f"{{{name}}} has no value for "
                f"{counted(self.counts[name], 'recipient')}, first in line {line:,}."
            )
