"""
Whom a message goes to: one recipient, many as records, and millions as columns.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, compress, repeat
from operator import attrgetter
from typing import Any, Final, Self, final, overload

import orjson
from attrs import field, frozen

from .._limits import MAX_MERGE_FIELD
from .._record import Record
from .._wire import converter
from ..errors import InvalidFieldError, renamed, wrong_type
from ..phone import as_ints, mask, normalize
from ._shared import check_text


MAX_RECIPIENTS: Final = 500
"""Recipients of one request. Source: gateway documentation, "Send SMS"."""


def merge_field() -> Any:
    """A value for a placeholder in the text, of at most 50 characters."""
    return field(default=None, kw_only=True, repr=False)


VALUES: Final = (
    "first_name",
    "last_name",
    "param1",
    "param2",
    "param3",
    "param4",
    "param5",
)
"""The fields of a recipient that personalize its text."""

_NO_VALUES: Final = (None,) * len(VALUES)

NUMBER: Final = "phone_number"
"""The only field that every recipient has."""


@frozen(eq=False, repr=False)
class Recipient(Record):
    """
    A phone number, and the values that personalize its text.

    Args:
        phone_number: International, with ``+`` and the country code; spaces, dots and
            hyphens are removed.
        first_name: For ``{first_name}`` in the text; at most 50 characters.
        last_name: For ``{last_name}``; at most 50 characters.
        param1: For ``{param1}``, and so on to ``param5``; at most 50 characters.

    Raises:
        InvalidFieldError: A number without its country, or a value that is too long.

    Source: gateway documentation, "Personalized sendings".
    """

    phone_number: str = field(converter=normalize, repr=mask)
    first_name: str | None = merge_field()
    last_name: str | None = merge_field()
    param1: str | None = merge_field()
    param2: str | None = merge_field()
    param3: str | None = merge_field()
    param4: str | None = merge_field()
    param5: str | None = merge_field()

    @classmethod
    def of(
        cls, phone_number: str, *, country: str | None = None, **values: str | None
    ) -> Self:
        """
        Make a recipient of a number that may be written nationally.

        Args:
            phone_number: International, or national if the country is declared.
            country: Two letters, such as ``FR``; see `phone.normalize`. Needs the
                extra ``phone``.
            values: For placeholders, such as ``first_name``.

        Raises:
            InvalidFieldError: A number that no phone can have, an unknown country, a
                missing extra, or a value that is too long.
        """
        return cls(normalize(phone_number, country=country), **values)

    def __attrs_post_init__(self) -> None:
        # One function for all fields: a validator for each is a call for each, and
        # a bulk builds millions of these, most of them with few fields.
        values = (
            self.first_name,
            self.last_name,
            self.param1,
            self.param2,
            self.param3,
            self.param4,
            self.param5,
        )
        if values != _NO_VALUES:
            for name, value in zip(VALUES, values, strict=True):
                # An empty value counts as a value: the placeholder becomes empty.
                if value is not None and value != "":
                    check_text(value, name, MAX_MERGE_FIELD, private=True)


# The slot sets a field of a frozen class from outside, in C.
_SLOTS: Final[Mapping[str, Any]] = {
    name: vars(Recipient)[name] for name in (NUMBER, *VALUES)
}
values_of: Final = attrgetter(*_SLOTS)
"""The number of a recipient and its values, in the order of the fields."""


def recipients_from(columns: Mapping[str, Sequence[str | None]]) -> list[Recipient]:
    """
    Recipients of values that were checked already: a fifth of the time of one by one.

    Args:
        columns: By name of the field, one value for each recipient. ``phone_number``
            must be there, as `phone.normalize` writes it. A field that is left out
            becomes None.
    """
    count = len(columns[NUMBER])
    made = list(map(object.__new__, repeat(Recipient, count)))
    for name, slot in _SLOTS.items():
        # A loop in Python would take as long as the skipped checks.
        deque(map(slot.__set__, made, columns.get(name, repeat(None))), maxlen=0)
    return made


def json_of(recipients: Iterable[Recipient]) -> bytes:
    """
    Serialize recipients for the gateway: identical to the converter's output, in less
    than half of the time.
    """
    return orjson.dumps(list(recipients), default=_filled)


def _filled(one: Recipient) -> dict[str, str]:
    # Field by field: a loop over their names takes as long as the converter.
    found = {"phone_number": one.phone_number}
    if one.first_name is not None:
        found["first_name"] = one.first_name
    if one.last_name is not None:
        found["last_name"] = one.last_name
    if one.param1 is not None:
        found["param1"] = one.param1
    if one.param2 is not None:
        found["param2"] = one.param2
    if one.param3 is not None:
        found["param3"] = one.param3
    if one.param4 is not None:
        found["param4"] = one.param4
    if one.param5 is not None:
        found["param5"] = one.param5
    return found


# Characters that JSON escapes.
_is_escaped: Final = re.compile(r'["\\\x00-\x1f]').search


def json_of_columns(columns: Mapping[str, Sequence[str | None]]) -> bytes | None:
    """
    A second way of `json_of`, straight from columns: no records are made.

    Serialize identically, because the ids of a run depend on it. None if a value needs
    the full conversion.

    Args:
        columns: By name of the field, in the order of the record: a value for each.
            The first are numbers.
    """
    step = 2 * len(columns)
    count = len(next(iter(columns.values())))
    if not count:
        return b"[]"
    # Each field closes the one before it, and each object the one before it.
    pieces = [""] * (step * count)
    opens = '"},{"'
    for at, (name, values) in enumerate(columns.items()):
        key = f'{opens}{name}":"'
        keys = [key] * count
        if None in values:
            keys = [key if value is not None else "" for value in values]
            values = [value or "" for value in values]  # noqa: PLW2901
        # The first is a number, and has been looked at.
        if at and _is_escaped("".join(values)):  # type: ignore[arg-type]  # no None
            return None
        pieces[2 * at :: step] = keys
        pieces[2 * at + 1 :: step] = values  # type: ignore[assignment]  # no None
        opens = '","'
    text = "".join(pieces)
    return f'[{text[3:]}"}}]'.encode()


@final
class CheckedRecipients(Sequence[Recipient]):
    """
    Checked recipients as columns: the recipients of a batch.

    Indexing makes a `Recipient`. A bulk asks for numbers and JSON only, so it never
    makes the millions of records. It equals a tuple of the same recipients.

    Args:
        columns: As for `recipients_from`, in the order of the fields.
    """

    def __init__(self, columns: Mapping[str, Sequence[str | None]]) -> None:
        self.columns: Mapping[str, Sequence[str | None]] = columns

    @classmethod
    def of(cls, recipients: Iterable[Recipient]) -> Self:
        """Turn recipients into columns; a column without values is left out."""
        columns = zip(*map(values_of, recipients), strict=True)
        found = dict(zip(_SLOTS, columns, strict=False)) or {NUMBER: ()}
        return cls(
            {
                name: column
                for name, column in found.items()
                if name == NUMBER or column.count(None) < len(column)
            }
        )

    @classmethod
    def joined(cls, parts: Sequence["CheckedRecipients"]) -> "CheckedRecipients":
        """Several as one, in their order."""
        if len(parts) == 1:
            return parts[0]
        joined: dict[str, Sequence[str | None]] = {}
        for name in _SLOTS:
            if any(name in one.columns for one in parts):
                joined[name] = column = list[str | None]()
                for one in parts:
                    column += one.columns.get(name) or [None] * len(one)
        found = cls(joined)
        if all("as_ints" in vars(one) for one in parts):
            found.as_ints = list(chain.from_iterable(one.as_ints for one in parts))
        return found

    @property
    def numbers(self) -> Sequence[str]:
        """Their phone numbers."""
        return self.columns[NUMBER]  # type: ignore[return-value]  # never None

    @cached_property
    def as_ints(self) -> Sequence[int]:
        """Phone numbers as integers, computed once: for duplicates and for ledgers."""
        return as_ints(self.numbers)

    @cached_property
    def json(self) -> bytes:
        """The recipients as `json_of` writes them, computed once: digest and body."""
        found = json_of_columns(self.columns)
        return json_of(self) if found is None else found

    def select(self, chosen: Sequence[int]) -> "CheckedRecipients":
        """Return the recipients at whose place ``chosen`` is true."""
        return self._with(lambda column: list(compress(column, chosen)))

    def _with(
        self, change: Callable[[Sequence[Any]], Sequence[Any]]
    ) -> "CheckedRecipients":
        changed = CheckedRecipients(
            {name: change(column) for name, column in self.columns.items()}
        )
        if "as_ints" in vars(self):
            changed.as_ints = change(self.as_ints)
        return changed

    def __len__(self) -> int:
        return len(self.columns[NUMBER])

    def __iter__(self) -> Iterator[Recipient]:
        return iter(recipients_from(self.columns))

    @overload
    def __getitem__(self, at: int) -> Recipient: ...
    @overload
    def __getitem__(self, at: slice) -> "CheckedRecipients": ...
    def __getitem__(self, at: int | slice) -> "Recipient | CheckedRecipients":
        if isinstance(at, slice):
            return self._with(lambda column: column[at])
        return Recipient(**{name: column[at] for name, column in self.columns.items()})  # type: ignore[arg-type]  # the number is never None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, tuple | CheckedRecipients):
            return NotImplemented
        return tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"<{len(self)} recipients>"

    def __reduce__(self) -> tuple[type[Self], tuple[object]]:
        return type(self), (self.columns,)


def _to_send(recipients: Sequence[Recipient]) -> orjson.Fragment:
    if type(recipients) is CheckedRecipients:
        return orjson.Fragment(recipients.json)
    return orjson.Fragment(json_of(recipients))


converter.register_unstructure_hook_func(
    lambda kind: kind in (tuple[Recipient, ...], CheckedRecipients), _to_send
)


def read_nationally(
    items: Iterable[str | Recipient], country: str | None
) -> Iterable[str | Recipient]:
    """
    Return recipients whose national numbers are read as those of a country.

    Args:
        items: Numbers and recipients; a `Recipient` is kept.
        country: Two letters; None leaves everything as it is.

    Raises:
        InvalidFieldError: A number is not of that country, or the country is unknown.
    """
    if country is None or isinstance(items, _NOT_MANY):
        return items
    return [
        normalize(item, country=country, field=f"recipients[{index}].phone_number")
        if isinstance(item, str)
        else item
        for index, item in enumerate(items)
    ]


_NOT_MANY: Final = (str, bytes, dict)


def recipients_of(items: Iterable[str | Recipient]) -> tuple[Recipient, ...]:
    """
    Return numbers and recipients as one tuple of 1 to 500 recipients.

    Raises:
        InvalidFieldError: An item is not valid; the field contains its position,
            counted from 0.
    """
    # A str is iterable: each digit would become a recipient.
    if isinstance(items, _NOT_MANY) or not isinstance(items, Iterable):
        raise wrong_type(
            "recipients",
            "must be a list of numbers or Recipients, [one] for a single one",
            items,
        )
    # By its type: a check against an abstract class takes longer.
    if type(items) is CheckedRecipients and 1 <= len(items) <= MAX_RECIPIENTS:
        return items  # type: ignore[return-value]  # whoever made it, knows it so
    recipients: list[Recipient] = []
    for index, item in enumerate(items):
        try:
            recipients.append(item if isinstance(item, Recipient) else Recipient(item))
        except InvalidFieldError as error:
            raise renamed(error, f"recipients[{index}].{error.field}") from None
    if not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise InvalidFieldError(
            "recipients",
            f"must be 1 to {MAX_RECIPIENTS}; for more, use octopush.bulk(…)",
            shown=f"{len(recipients):,}",
        )
    return tuple(recipients)
