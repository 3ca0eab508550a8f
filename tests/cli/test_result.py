"""The renderer: one record, shown as rows and tables, as JSON, and in the help."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

import pytest
from attrs import frozen

from aiooctopush import InvalidFieldError
from aiooctopush.cli.terminal.console import Screen
from aiooctopush.cli.terminal.result import Result, item


class Color(StrEnum):
    """A choice of words."""

    RED = "red"


@frozen(kw_only=True)
class Pack(Result):
    """A row of a table."""

    id: str | None = item("Pack")
    credit: Decimal | None = item("Credit")
    note: str = item(default="secret")


@frozen(kw_only=True)
class Limits(Result):
    """A group of rows."""

    at: datetime | None = item("At")
    on: bool = item("On")


@frozen(kw_only=True)
class Found(Result):
    """Everything that a command can find out."""

    json_notes = "Amounts are text."

    color: Color = item("Color", doc="red or blue")
    count: int = item("Count")
    names: tuple[str, ...] = item("Names")
    missing: str | None = item("Missing")
    extra: dict[str, int] | None = item("Extra", optional=True, doc="with --extra")
    aside: str = item("Aside", in_json=False)
    limits: Limits = item(heading="Limits", of=Limits)
    packs: tuple[Pack, ...] = item("Packs", doc="for each", of=Pack)
    error: Exception | None = item()
    more: dict[str, int] = item(merge=True, doc="figures")

    def headline(self):
        """Return one sentence."""
        return "Found.", "bold"

    def advice(self):
        """Return what to do."""
        return ("Look again.",)


@pytest.fixture
def found():
    """A result with a value of each kind."""
    return Found(
        color=Color.RED,
        count=3_000,
        names=("a", "b\x1b"),
        missing=None,
        extra=None,
        aside="here",
        limits=Limits(at=datetime(2026, 11, 29, 10, tzinfo=UTC), on=True),
        packs=(Pack(id="p1", credit=Decimal("2.5")), Pack(id=None, credit=None)),
        error=InvalidFieldError("text", "must be short"),
        more={"left": 1},
    )


def test_rows_and_tables(found, capsys):
    """People get a headline, labelled rows, tables, and what to do, in this order."""
    Screen().result(found)

    assert capsys.readouterr().out.splitlines() == [
        "Found.",
        "  Color    red",
        "  Count    3,000",
        "  Names    a, b\N{REPLACEMENT CHARACTER}",
        "  Missing  not reported by the gateway",
        "  Aside    here",
        "Limits",
        "  At  2026-11-29 10:00:00",
        "  On  yes",
        "",
        "  Pack   Credit",
        "  p1     2.50 €",
        "  -           -",
        "",
        "Look again.",
    ]


def test_document(found, capsys):
    """Programs get one document: money and instants as text, errors as their parts."""
    Screen(as_json=True).result(found)

    told = json.loads(capsys.readouterr().out)
    assert told.pop("error")["error"] == "InvalidFieldError"
    assert told == {
        "color": "red",
        "count": 3_000,
        "names": ["a", "b\x1b"],
        "missing": None,
        "limits": {"at": "2026-11-29T10:00:00+00:00", "on": True},
        "packs": [
            {"id": "p1", "credit": "2.5", "note": "secret"},
            {"id": None, "credit": None, "note": "secret"},
        ],
        "left": 1,
    }


def test_epilog():
    """The help lists the keys of the document, with what is said about them."""
    assert Found.epilog() == (
        "--json gives: color (red or blue), count, names, missing, "
        "extra (with --extra), limits (at, on), packs (for each: id, credit, note), "
        "error, figures. Amounts are text."
    )


def test_a_key_is_listed_once():
    """Also one that a merged result has as well."""

    @frozen(kw_only=True)
    class Inner(Result):
        """A part with figures."""

        count: int = item()
        figures: dict[str, int] = item(merge=True, doc="least, most, names")

    @frozen(kw_only=True)
    class Outer(Result):
        """The whole."""

        names: str = item()
        count: int = item()
        inner: Inner = item(merge=True, of=Inner)

    assert Outer.epilog() == "--json gives: names, count, least, most."


def test_a_plain_result_has_no_headline(capsys):
    """A result without a sentence, rows and tables writes nothing."""

    @frozen(kw_only=True)
    class Nothing(Result):
        """A result for programs only."""

        packs: tuple[Pack, ...] = item("Packs", of=Pack)
        hidden: int = item(of=Pack, default=0)

    Screen().result(Nothing(packs=()))

    assert capsys.readouterr().out == ""
