"""What TAB offers: the words of the script are those that Click itself would offer."""

import click
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from aiooctopush.cli.app import octopush
from aiooctopush.cli.completion import bash, fish, places, zsh


KNOWN = {place.path: place for place in places(octopush)}


def offered(*typed, start=""):
    """What Click offers after some words: the judge of what we write down."""
    complete = BashComplete(octopush, {}, "octopush", "_OCTOPUSH_COMPLETE")
    return [one.value for one in complete.get_completions(list(typed), start)]


def script(shell):
    """What the command prints."""
    result = CliRunner().invoke(octopush, ["completion", shell])

    assert result.exit_code == 0
    return result.output


# --- the words ------------------------------------------------------------------------


def test_each_command_has_its_place():
    """Those of groups as well; a few written by hand, to be sure of the walk."""
    assert {"", " send", " fleet", " fleet submit", " completion"} <= set(KNOWN)
    assert list(KNOWN[""].commands) == list(octopush.commands)


@pytest.mark.parametrize("path", KNOWN)
def test_a_place_offers_what_click_offers(path):
    """Commands or values of arguments without a dash; with one, each option's name."""
    place, typed = KNOWN[path], path.split()
    words = [word for one in place.arguments for word in one.values]
    names = [name for one in place.options for name in one.names]

    # Where the shell looks for files itself, Click offers a word without letters.
    assert {*place.commands, *words} == {one for one in offered(*typed) if one}
    assert set(names) == set(offered(*typed, start="-"))


@pytest.mark.parametrize(
    ("path", "option", "values"),
    [
        (" send", "--purpose", ("alert", "wholesale", "marketing")),
        (" send", "--type", ("sms_premium", "sms_low_cost")),
        (" send", "--text", ()),
        (" cancel", "--audience", ("list", "tag")),
    ],
)
def test_an_option_offers_its_values(path, option, values):
    """Written by hand: what a choice has, and nothing for a text."""
    (found,) = [one for one in KNOWN[path].options if option in one.names]

    assert (found.takes_value, found.values) == (True, values)


def test_files_are_known_as_such():
    """An option that names a file, and one that names none."""
    options = {one.names[0]: one for one in KNOWN[" send"].options}

    assert options["--text-file"].files
    assert not options["--text"].files
    assert not options["--json"].takes_value


def test_what_is_hidden_is_not_offered():
    """Neither a command nor an option that the help does not show."""
    inner = click.Command("inner", hidden=True)
    hidden = click.Option(["--secret"], hidden=True)
    outer = click.Group("outer", commands=[inner], params=[hidden])

    (place,) = places(outer)

    assert place.commands == {}
    assert [one.names for one in place.options] == [("--help",)]


# --- the scripts ----------------------------------------------------------------------


@pytest.mark.parametrize(("shell", "make"), [("bash", bash), ("zsh", zsh)])
def test_the_command_prints_the_script(shell, make):
    """For each shell its own, with the same words."""
    assert script(shell) == make(list(KNOWN.values()))


def test_fish_is_told_what_words_mean():
    """One line for each word; quotes are escaped."""
    printed = script("fish")

    assert printed == fish(list(KNOWN.values()))
    assert (
        """complete -c octopush -n "__octopush_at ''" -a cancel"""
        " -d 'Cancel a scheduled message.'\n"
    ) in printed
    assert """ ' cancel'" -l audience -r -a 'list tag' -d """ in printed

    command = click.Command(
        "it", help="Don't.", params=[click.Argument(["FILE"], type=click.Path())]
    )
    made = fish(list(places(click.Group("outer", commands=[command]))))

    assert r"""-a it -d 'Don\'t.'""" in made
    assert """ ' it'" -F\n""" in made


def test_the_way_of_click_works_as_well(monkeypatch, capfdbinary):
    """Somebody who knows it from other programs; slower, for it starts this one."""
    typed = {"_OCTOPUSH_COMPLETE": "bash_complete", "COMP_WORDS": "octopush bu"}
    for name, value in (typed | {"COMP_CWORD": "1"}).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as ending:
        octopush.main(args=[], prog_name="octopush")

    assert ending.value.code == 0
    assert capfdbinary.readouterr().out == b"plain,bulk\n"


def test_an_unknown_shell_is_refused():
    """With the names of those that are known."""
    result = CliRunner().invoke(octopush, ["completion", "tcsh"])

    assert result.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in result.output
