"""Which run a command is about: by name, by path, or the latest one."""

import json
import os
import stat

import pytest

from aiooctopush.cli.targets.runs import find_target, ledger_of, new_ledger_of
from aiooctopush.cli.wording import RunLocation
from aiooctopush.errors import InvalidFieldError


@pytest.fixture
def recorded(bulk, people):
    """Send to one number, and record it on this machine under that name."""

    def recorded(name):
        sent = bulk(people(1), "--run", name, "--ledger", new_ledger_of(name))
        assert sent.exit_code == 0
        return ledger_of(name)

    return recorded


def test_run_by_its_name(run, recorded):
    """The name alone finds the file."""
    recorded("week-47")
    recorded("week-48")

    shown = run("report", "week-47").stdout

    assert "  Run          week-47\n" in shown
    assert f"  Ledger       {ledger_of('week-47')}\n" in shown


def test_run_by_its_option(run, recorded):
    """``--run`` alone finds the file as well."""
    recorded("week-47")
    recorded("week-48")

    assert "  Run          week-47\n" in run("report", "--run", "week-47").stdout


def test_run_by_its_path(run, recorded):
    """A file is a ledger, whatever runs are recorded elsewhere."""
    path = recorded("week-47")

    assert "week-47" in run("report", path).stdout


def test_latest_run(run, recorded):
    """Without a name it is the run that was written last."""
    old = recorded("week-47")
    new = recorded("week-48")
    for path, second in ((old, 2_000), (new, 1_000)):
        for file in path.parent.glob(f"{path.name}*"):
            os.utime(file, (second, second))

    assert "week-47" in run("report").stdout
    assert "week-48" not in run("report").stdout


def test_runs_of_this_machine_are_listed(run, recorded):
    """Each with where it is recorded, the latest written first."""
    old = recorded("week-47")
    for file in old.parent.glob(f"{old.name}*"):
        os.utime(file, (1_000, 1_000))
    new = recorded("week-48")

    listed = json.loads(run("runs", "--json").stdout)["runs"]

    assert [one["name"] for one in listed] == ["week-48", "week-47"]
    assert [one["ledger"] for one in listed] == [str(new), str(old)]


def test_a_damaged_ledger_does_not_hide_the_others(run, recorded):
    """It is named, and the rest is listed."""
    recorded("week-47").with_name("bad.db").write_text("no database at all")

    result = run("runs")

    assert "bad.db" in result.stderr
    assert "week-47" in result.stdout
    assert result.exit_code == 0


def test_no_run_of_this_machine(run, state):
    """Nothing was recorded yet."""
    assert run("runs").stdout == f"{state} holds no run.\n"
    assert f"{state} holds none" in run("report").stderr
    assert run("report").exit_code == 2


@pytest.mark.parametrize("words", [("week-49",), ("--run", "week-49")])
def test_unknown_name(run, recorded, words):
    """It is neither a file nor a run, and a look is about no message."""
    recorded("week-48")

    result = run("report", *words)

    assert result.exit_code == 2
    assert "is neither a file nor a run" in result.stderr
    assert result.stderr.endswith("`octopush runs` lists these (got 'week-49').\n")


def test_path_that_is_not_there(run):
    """A path is never taken for a name."""
    assert "there is no such ledger" in run("report", "no/such/run.db").stderr


def test_odd_names_have_files_of_their_own(state):
    """Nothing in a name leads out of the folder, and none hides another."""
    names = ["../x", "a/b", "-x", ".x", "é", "run.db", "x" * 101, "a b", ""]
    files = {ledger_of(name) for name in names}

    assert {one.parent for one in files} == {state}
    assert len(files) == len(names)


def test_folder_is_for_its_owner_alone(state):
    """It holds numbers and texts."""
    new_ledger_of("week-48")

    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_folder_that_cannot_be_made(tmp_path, state):
    """The error names it, and both ways out."""
    (tmp_path / "state").write_text("a file")

    with pytest.raises(InvalidFieldError, match="--no-ledger sends without a record"):
        new_ledger_of("week-48")


def test_commands_name_the_run_alone(state, tmp_path):
    """What is recorded on this machine is found by its name."""
    place = RunLocation(name="week-48", ledger=ledger_of("week-48"))
    odd = RunLocation(name="week 48", ledger=ledger_of("week 48"))
    other = RunLocation(name="week-48", ledger=tmp_path / "run.db")

    assert place.command("report") == "octopush report week-48"
    assert odd.command("report") == "octopush report 'week 48'"
    assert other.command("report") == (
        f"octopush report {tmp_path}/run.db --run week-48"
    )


def test_name_that_is_a_file_here_is_no_name(state, tmp_path, monkeypatch):
    """The file would be taken instead, so the command names the ledger."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "week-48").touch()
    place = RunLocation(name="week-48", ledger=ledger_of("week-48"))

    assert place.command("report") == (
        f"octopush report {ledger_of('week-48')} --run week-48"
    )


def test_address_is_an_address():
    """It may look like nothing else."""
    found = find_target("postgresql://me@host/base", "week-48")

    assert found.ledger.is_address
    assert found.name == "week-48"


@pytest.mark.parametrize(
    "words", [(), ("7",), ("a", "7", "sent", "x")], ids=["none", "one", "four"]
)
def test_resolve_wants_two_or_three_words(run, words):
    """A batch and a decision, and a run if wanted."""
    result = run("resolve", *words, "--by", "Ada")

    assert result.exit_code == 2
    assert "Name a BATCH and a DECISION; a RUN may come first." in result.stderr


def test_resolve_wants_one_of_three_decisions(run):
    """It lists them."""
    result = run("resolve", "7", "again", "--by", "Ada")

    assert result.exit_code == 2
    assert "'again' is not one of sent, resend, skip." in result.stderr


def test_resolve_of_the_latest_run(run, bulk, people):
    """Without a name it is the run that was written last."""
    silent = ("--faults", "hang_after_commit=1", "--wait-for-gateway", "0")
    bulk(people(1), "--run", "week-48", "--ledger", new_ledger_of("week-48"), *silent)

    result = run("resolve", "1", "skip", "--by", "Ada")

    assert result.stdout == "Batch 1: skipped.\n"
