"""
Which column of a file is which field of a recipient: by its name, or as declared.

No column is guessed. A column whose name is common for a field is suggested in the
error, together with the option that selects it.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import attrs
from attrs import frozen

from ...api._recipients import NUMBER, Recipient
from ...errors import InvalidFieldError, shown
from .text_file import SourceError


COLUMNS: Final = tuple(attribute.name for attribute in attrs.fields(Recipient))
"""Names that a column or field may have; every other one is ignored."""

COUNTRY: Final = "country"
"""The field with the country of each row; it is never assigned automatically."""

Columns = Mapping[str, str | Sequence[str]]
"""
By field, the name of the column in the file. For ``phone_number`` these may be several:
the first usable number counts.
"""

# Names in exports, in French, English, Spanish, German and Italian.
_COMMON: Final[Mapping[str, tuple[str, ...]]] = {
    NUMBER: (
        *("mobile", "portable", "telephone", "tel", "gsm", "phone", "cell"),
        *("mobilephone", "phonenumber", "cellphone", "telephonemobile", "telmobile"),
        *("telephoneportable", "telportable", "numero", "numerodetelephone", "number"),
        *("movil", "celular", "telefono", "telefonomovil", "numerodetelefono"),
        *("handy", "telefon", "mobiltelefon", "handynummer", "telefonnummer"),
        *("mobilnummer", "rufnummer", "cellulare", "telefonocellulare", "mobil"),
        *("phone1value", "phonemobile", "billingphone", "mobilephonenumber"),
        *("mobileno", "mobilenumber", "contactnumber", "homephone", "primaryphone"),
        *("to", "msisdn", "recipient", "destinataire", "telephone1", "phone1"),
    ),
    "first_name": (
        *("prenom", "firstname", "givenname", "nombre", "vorname", "nome"),
        *("billingfirstname", "forename", "prenoms"),
    ),
    "last_name": (
        *("nom", "lastname", "surname", "familyname", "apellido", "apellidos"),
        *("nachname", "cognome", "billinglastname", "nomdefamille", "name"),
    ),
}

_fillers = re.compile(r"[\s_\-.:/'’\"()]+")

# Text that no column name resembles: six digits in a row, an address, 3.36E+10.
_like_data = re.compile(r"[0-9](?:[ .\-]?[0-9]){5}|@|[0-9][eE]\+").search


def plain_name(name: str) -> str:
    """
    Normalize the name of a column for comparison.

    Case, accents, spaces, hyphens, underscores and invisible characters make no
    difference: ``Phone Number`` is ``phone_number``, and ``Prénom`` is ``prenom``.
    """
    if not name.isascii():
        import unicodedata  # noqa: PLC0415  # most headers are ASCII

        letters = unicodedata.normalize("NFKD", name)
        name = "".join(
            one for one in letters if unicodedata.category(one) not in {"Cf", "Mn"}
        )
    return _fillers.sub("", name.casefold())


_FIELDS: Final[Mapping[str, str]] = {plain_name(name): name for name in COLUMNS}


def suggestions(names: Iterable[str]) -> dict[str, list[str]]:
    """Find columns whose names are common for a field: by field, as in the file."""
    found: dict[str, list[str]] = {}
    for name in names:
        plain = plain_name(name)
        for one, common in _COMMON.items():
            if plain in common:
                found.setdefault(one, []).append(name.strip())
    return found


def declared(columns: Columns | None) -> dict[str, tuple[str, ...]]:
    """
    Check the declared columns of a file.

    Raises:
        InvalidFieldError: There is no such field, a name is empty, or several columns
            are given for a field that has one value.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, given in dict(columns or {}).items():
        if name not in {*COLUMNS, COUNTRY}:
            near = get_close_matches(str(name), [*COLUMNS, COUNTRY], n=1)
            advice = f"; did you mean {near[0]}?" if near else ""
            raise InvalidFieldError(
                "columns",
                f"must name fields: {', '.join(COLUMNS)}, {COUNTRY}{advice}",
                shown=shown(name),
            )
        names = (given,) if isinstance(given, str) else tuple(given)
        if not names or not all(plain_name(one) for one in names):
            raise InvalidFieldError("columns", f"must name a column for {name}")
        if len(names) > 1 and name != NUMBER:
            raise InvalidFieldError(
                "columns",
                f"must name one column for {name}; only {NUMBER} may have several",
                shown=shown(", ".join(names)),
            )
        found[name] = names
    return found


@frozen(kw_only=True)
class Header:
    """
    The columns of a file, understood.

    Attributes:
        names: As in the file.
        numbers: Places of the columns with numbers, the preferred one first.
        country_at: Place of the column with the country of each row.
        values: Names and places of the other columns that are used.
        ignored: Names of the columns that are no field.
    """

    names: tuple[str, ...]
    numbers: tuple[int, ...]
    country_at: int | None
    values: tuple[tuple[str, int], ...]
    ignored: tuple[str, ...]

    def name_of(self, field_name: str, at: int) -> str:
        """Name a column in an error: by its field, or else as the file does."""
        name = self.names[at].strip()
        return field_name if plain_name(name) == plain_name(field_name) else name


def understood(
    names: Sequence[str],
    columns: Mapping[str, tuple[str, ...]],
    fields: Collection[str] | None,
    *,
    path: Path,
    line: int,
) -> Header:
    """
    Find the columns that are used.

    Args:
        names: As in the file.
        columns: The declared columns, see `declared`.
        fields: Values that the text uses; None for all.
        path: Path of the file, for the errors.
        line: Line of the header.

    Raises:
        SourceError: No column with numbers, a declared column that is not there, or a
            column that is there twice.
    """
    problem = _problem(names, columns, fields)
    if problem:
        raise SourceError(problem, path=path, line=line)
    plain = [plain_name(name) for name in names]
    places: dict[str, tuple[int, ...]] = {
        name: (plain.index(short),)
        for short, name in _FIELDS.items()
        if short in plain and name not in columns
    }
    for name, wanted in columns.items():
        places[name] = tuple(plain.index(plain_name(one)) for one in wanted)
    known = {at for some in places.values() for at in some}
    return Header(
        names=tuple(names),
        numbers=places[NUMBER],
        country_at=places[COUNTRY][0] if COUNTRY in places else None,
        values=tuple(
            (name, places[name][0])
            for name in COLUMNS[1:]
            if name in places and (fields is None or name in fields)
        ),
        ignored=tuple(
            name.strip()
            for at, name in enumerate(names)
            if plain[at] and at not in known
        ),
    )


def _problem(
    names: Sequence[str],
    columns: Mapping[str, tuple[str, ...]],
    fields: Collection[str] | None,
) -> str | None:
    """The problem of a header."""
    plain = [plain_name(name) for name in names]
    # Somebody's name must not get into an error, so this is asked before others.
    is_data = any(map(_like_data, names))
    if is_data and NUMBER not in columns and plain_name(NUMBER) not in plain:
        return (
            f"has no column {NUMBER}, and looks like data; add a header line before "
            "it, such as phone_number,first_name"
        )
    for name, wanted in _asked(columns, fields):
        if plain.count(plain_name(wanted)) > 1:
            return f"has the column {wanted} twice; rename or remove one"
        if name in columns and plain_name(wanted) not in plain:
            return f"has no column {shown(wanted)}, only {_listed(names)}"
    if NUMBER not in columns and plain_name(NUMBER) not in plain:
        return f"has no column {NUMBER}, only {_listed(names)}: {_advice(names)}"
    return None


def _asked(
    columns: Mapping[str, tuple[str, ...]], fields: Collection[str] | None
) -> Iterator[tuple[str, str]]:
    """Fields, and the names of the columns that they are looked for under."""
    for name in COLUMNS:
        is_used = fields is None or name == NUMBER or name in fields
        if is_used and name not in columns:
            yield name, name
    for name, wanted in columns.items():
        for one in wanted:
            yield name, one


def _listed(names: Sequence[str]) -> str:
    return shown(", ".join(name.strip() for name in names))


def _advice(names: Sequence[str]) -> str:
    found = suggestions(names).get(NUMBER)
    if not found:
        return (
            "rename the column with the numbers, name it (columns={'phone_number': …}, "
            "--column phone_number=…), or name the delimiter"
        )
    several = ",".join(found)
    return (
        f"if the numbers are in {shown(found[0])}, say so "
        f"(columns={{'phone_number': {found[0]!r}}}, "
        f"--column {quoted(f'{NUMBER}={several}')})"
    )


def quoted(argument: str) -> str:
    """Write an argument of a command as a shell reads it."""
    return f'"{argument}"' if re.search(r"[^\w=,.\-]", argument) else argument
