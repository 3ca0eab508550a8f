"""How long a text becomes with the values of each of millions of recipients."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Final

from attrs import define

from ...api._recipients import Recipient
from ...text import (
    DOUBLE_FOR_THE_GATEWAY,
    GSM_BASIC,
    GSM_EXTENSION,
    MERGE_FIELDS,
    REPLACEMENTS,
    Encoding,
    TextMeasure,
    measure,
    merge,
    placeholder_runs,
    placeholders,
)


# Lengths that are remembered: more than most files have, in about a megabyte.
_REMEMBERED: Final = 5_000
_LAST_OF_ONE_UNIT: Final = "\uffff"
SHORT_NUMBER: Final = "XXXXX"

_ESCAPE: Final = "\x1b"
_GSM: Final = frozenset(GSM_BASIC).difference(_ESCAPE).union(GSM_EXTENSION)
_PLAIN: Final = _GSM.difference(GSM_EXTENSION, DOUBLE_FOR_THE_GATEWAY)


def _any_of(characters: frozenset[str]) -> str:
    return re.escape("".join(sorted(characters)))


# By whether the gateway rewrites: septets by both counts, and characters outside GSM-7.
# Rewritten characters become plain.
_is_plain: Final = {
    True: re.compile(f"[{_any_of(_PLAIN.union(REPLACEMENTS))}]*").fullmatch,
    False: re.compile(f"[{_any_of(_PLAIN)}]*").fullmatch,
}
_outsider: Final = {
    True: re.compile(f"[^{_any_of(_GSM.union(REPLACEMENTS))}]").search,
    False: re.compile(f"[^{_any_of(_GSM)}]").search,
}


@define(kw_only=True)
class LengthGroup:
    """
    Recipients grouped by the length of their texts, which determines the price.

    Attributes:
        encoding: Encoding of their texts.
        parts: By the standard.
        parts_at_most: By the gateway's stricter page.
        exceeds: The limit of the route in characters, if their texts are beyond it.
        recipients: How many they are.
    """

    encoding: Encoding
    parts: int
    parts_at_most: int
    exceeds: int | None
    recipients: int = 0


class MergedLengths:
    """
    A text that is measured with the values of each recipient.

    Merging and measuring takes 11 µs. But the length depends on the values' lengths
    alone, as long as nothing in them is counted double: most recipients are looked up
    by these, in 1 µs.

    Args:
        text: As it is given.
        optimized: Whether the gateway may rewrite it.
        group_of: Finds the group of a text from its measure and its characters.

    Attributes:
        names: Its placeholders.
        measured: The text as it is given, placeholders included.
    """

    def __init__(
        self,
        text: str,
        *,
        optimized: bool,
        group_of: Callable[[TextMeasure, int], LengthGroup],
    ) -> None:
        self._text = text
        self._optimized = optimized
        self._group_of = group_of
        self.names: tuple[str, ...] = placeholders(text)
        self.measured: TextMeasure = measure(text, optimized=optimized)
        self._runs = placeholder_runs(text)
        self._has_one = len(self.names) == 1
        # An attrgetter wants a name, even if there is none.
        self._get = attrgetter(*self.names or MERGE_FIELDS)
        self._is_plain = _is_plain[optimized]
        self._outsider = _outsider[optimized]
        # If only the values are counted double, and no value occurs twice, the sum of
        # the lengths is sufficient.
        rest = merge(text, {})
        once = len(text) - len(rest) == sum(len(name) + 2 for name in self.names)
        self._adds_up = once and self._is_plain(rest) is not None
        self._known: dict[object, LengthGroup] = {}
        self._known_in_unicode: dict[object, LengthGroup] = {}

    def values_of(self, recipient: Recipient) -> tuple[str, ...]:
        """The recipient's values of `names`; empty if missing."""
        if not self.names:
            return ()
        found: Any = self._get(recipient)
        values = (found,) if self._has_one else found
        return tuple([value or "" for value in values]) if None in values else values

    def group(self, values: tuple[str, ...], joined: str) -> LengthGroup:
        """
        The group of a recipient with these values.

        Args:
            values: In the order of `names`.
            joined: Values, one after the other.
        """
        known = self._known
        if self._is_plain(joined) is None:
            # In Unicode only characters of two code units are counted double.
            if self._outsider(joined) is None or max(joined) > _LAST_OF_ONE_UNIT:
                return self._measured(values)
            known = self._known_in_unicode
        key = len(joined) if self._adds_up else tuple(map(len, values))
        group = known.get(key)
        if group is None:
            group = self._measured(values)
            if len(known) < _REMEMBERED:
                known[key] = group
        return group

    def groups(
        self, columns: Sequence[Sequence[str]]
    ) -> Sequence[tuple[LengthGroup, int]] | None:
        """
        The groups of many recipients, and the size of each; as from `group`.

        Args:
            columns: For each of `names` a value for each recipient.

        Returns:
            None if the values of one are not plain: then each is to be looked at.
        """
        everything = "".join(map("".join, columns))
        # The second one may span two values, which is too rare to matter.
        if self._is_plain(everything) is None or SHORT_NUMBER in everything:
            return None
        keys: Iterable[object]
        if self._adds_up:
            keys = map(len, map("".join, zip(*columns, strict=True)))
        else:
            keys = zip(*(map(len, column) for column in columns), strict=True)
        keys = list(keys)
        found = []
        for key, count in Counter(keys).items():
            group = self._known.get(key)
            if group is None:
                at = keys.index(key)
                values = tuple(column[at] for column in columns)
                group = self.group(values, "".join(values))
            found.append((group, count))
        return found

    def forced_by(self, joined: str) -> str | None:
        """The first character of these values that forces Unicode, if there is one."""
        found = self._outsider(joined)
        return None if found is None else found[0]

    def adds_short_number(self, values: tuple[str, ...]) -> bool:
        """Whether values bring a run of five X that the text does not have."""
        return placeholder_runs(self.merged(values)) > self._runs

    def merged(self, values: tuple[str, ...]) -> str:
        """The text with the values of one recipient, in the order of `names`."""
        return merge(self._text, dict(zip(self.names, values, strict=True)))

    def _measured(self, values: tuple[str, ...]) -> LengthGroup:
        text = self.merged(values)
        return self._group_of(measure(text, optimized=self._optimized), len(text))
