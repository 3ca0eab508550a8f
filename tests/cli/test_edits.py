"""Nine edits of a list between two starts of one command: nobody gets it twice."""

import pytest


ACCOUNT = {"OCTOPUSH_API_LOGIN": "me", "OCTOPUSH_API_KEY": "k3y"}
PEOPLE = [f"+336{number:08},Ada,Lyon" for number in range(60)]


@pytest.fixture
def start(run, tmp_path, server):
    """Write the list, and start the same command once more."""

    def start(rows, *arguments, name="people.csv"):
        path = tmp_path / name
        lines = ["phone_number,first_name,city", *rows]
        path.write_text("\n".join(lines), encoding="utf-8")
        message = (
            "--sender",
            "Acme",
            "--purpose",
            "alert",
            "--text",
            "Hi {first_name}",
        )
        return run(
            *("bulk", path, *message, "--batch-size", 20, *arguments),
            env=ACCOUNT | {"OCTOPUSH_BASE_URL": server.url},
        )

    return start


def numbers_of(rows):
    """The numbers of rows, as the book has them."""
    return {row.partition(",")[0] for row in rows}


BROKEN = ["0699887766,Bob,Nice", *PEOPLE]
EDITS = {
    "repaired": (BROKEN, ["+33699887766,Bob,Nice", *PEOPLE], ()),
    "appended": (PEOPLE[:50], PEOPLE, ()),
    "corrected": (PEOPLE, [row.replace("Ada", "Eva") for row in PEOPLE], ()),
    "unused-column": (PEOPLE, [row.replace("Lyon", "Nice") for row in PEOPLE], ()),
    "batch-size": (PEOPLE, PEOPLE, ("--batch-size", 7)),
    "reordered": (PEOPLE, PEOPLE[::-1], ()),
    "put-in-front": (PEOPLE, ["+33699887766,Bob,Nice", *PEOPLE], ()),
    "taken-out": (PEOPLE, PEOPLE[1:], ()),
    "duplicated": (PEOPLE, [*PEOPLE, *PEOPLE[:5]], ()),
}


@pytest.mark.parametrize(("first", "second", "options"), EDITS.values(), ids=EDITS)
def test_edited_list(start, server, first, second, options):
    """Whoever had it is left out, and whoever is new gets it."""
    start(first)
    result = start(second, *options)

    times = server.gateway.book.numbers()
    wanted = {one for one in numbers_of([*first, *second]) if one.startswith("+")}
    assert result.exit_code == 0
    assert times == dict.fromkeys(wanted, 1)


def test_renamed_list(start, server):
    """The file says who gets it, and its name says nothing."""
    start(PEOPLE)
    result = start(PEOPLE, name="people (1).csv")

    assert result.exit_code == 0
    assert set(server.gateway.book.numbers().values()) == {1}
    assert "all 60 people of people (1).csv had this text" in result.stdout


def test_paused_and_one_who_was_served_taken_out(start, server):
    """The rest gets it, and those who had it do not once more."""
    paused = start(PEOPLE, "--max-cost", "1.00", "--concurrency", 1)
    result = start(PEOPLE[1:], "--max-cost", "100", "--concurrency", 1)

    times = server.gateway.book.numbers()
    assert paused.exit_code == 1
    assert result.exit_code == 0
    assert times == dict.fromkeys(numbers_of(PEOPLE), 1)


def test_new_people_are_told_from_those_who_had_it(start):
    """The figures of this start stand beside those of the run."""
    start(PEOPLE[:50])
    result = start(PEOPLE)

    assert "  Now          10 new, 50 in this run before\n" in result.stdout
    assert "  Accepted     60\n" in result.stdout


def test_another_instant_is_no_second_message(start, server):
    """What else a run holds must be the same; what differs is named."""
    start(PEOPLE)
    result = start(PEOPLE, "--at", "2099-01-01T09:00+01:00")

    assert result.exit_code == 2
    assert "send_at" in result.stderr or "--at" in result.stderr
    assert set(server.gateway.book.numbers().values()) == {1}


def test_excluded_people_get_nothing(start, tmp_path, server):
    """They are counted, and a file that cannot be read stops everything."""
    (tmp_path / "stop.csv").write_text("phone_number\n+33600000000\n+33600000001\n")
    (tmp_path / "bad.csv").write_text("phone_number\n0600000000\n")

    refused = start(PEOPLE, "--exclude", tmp_path / "bad.csv")
    nothing = dict(server.gateway.book.numbers())
    missing = start(PEOPLE, "--exclude", tmp_path / "none.csv")
    result = start(PEOPLE, "--exclude", tmp_path / "stop.csv")

    assert (refused.exit_code, missing.exit_code, nothing) == (2, 2, {})
    assert result.exit_code == 0
    assert "  Excluded     2\n" in result.stdout
    assert numbers_of(PEOPLE[2:]) == set(server.gateway.book.numbers())


def test_purged_run_knows_nobody(start, run, server):
    """It is not gone on with, and the words say so."""
    start(PEOPLE, "--run", "week-48")
    run("purge", "week-48")
    result = start(PEOPLE, "--run", "week-48")

    assert result.exit_code != 0
    assert "purge" in result.stderr
    assert set(server.gateway.book.numbers().values()) == {1}
