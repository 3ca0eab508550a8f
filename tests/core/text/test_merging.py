"""Values merged into texts, and words in braces."""

import pytest

from aiooctopush.errors import InvalidFieldError
from aiooctopush.text import (
    MERGE_FIELDS,
    as_sent,
    check_placeholders,
    merge,
    placeholders,
    suggested_placeholder,
    unknown_placeholders,
)


def test_merge_replaces_every_known_placeholder():
    """All seven, and each as often as it stands there."""
    text = "{first_name} {last_name} {param1}{param2}{param3}{param4}{param5} {param1}"
    values = dict(zip(MERGE_FIELDS, "ABCDEFG", strict=True))

    assert merge(text, values) == "A B CDEFG C"


@pytest.mark.parametrize("values", [{}, {"first_name": None}, {"first_name": ""}])
def test_a_missing_value_leaves_nothing(values):
    """Our estimate: what the gateway does is undocumented."""
    assert merge("Hi {first_name}!", values) == "Hi !"


def test_merge_runs_once():
    """A value that looks like a placeholder stays a value."""
    values = {"first_name": "{param1}", "param1": "x"}

    assert merge("{first_name}", values) == "{param1}"


def test_merge_leaves_the_rest_alone():
    """Unknown names stay in their braces, even if there is a value for them."""
    assert merge("{firstname} {x} {", {"x": "y"}) == "{firstname} {x} {"


def test_placeholders_are_listed_once_in_order():
    """Known names alone."""
    text = "{param2} {first_name} {param2} {param6}"

    assert placeholders(text) == ("param2", "first_name")


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        pytest.param("{first_name} {param5}", (), id="known"),
        pytest.param("{firstname}", ("firstname",), id="misspelt"),
        pytest.param("{param6} {param6}", ("param6",), id="no such number"),
        pytest.param("{First_Name}", ("First_Name",), id="case"),
        pytest.param("{ first_name }", (" first_name ",), id="spaces"),
        pytest.param("{first name}", ("first name",), id="two words"),
        pytest.param("{prénom} {b}", ("prénom", "b"), id="other language"),
        pytest.param("{} { } {;-)} {", (), id="no name"),
        pytest.param("{" + "a" * 31 + "}", (), id="too long for a name"),
        pytest.param("Hi {first_name, {param1}", ("{first_name",), id="no end"),
        pytest.param("Hi first_name}", ("first_name}",), id="no begin"),
        pytest.param("{first_name}{last_name", ("{last_name",), id="beside one"),
        pytest.param("Hi {first_name]", ("{first_name]",), id="another end"),
        pytest.param("Hi {$first_name}", ("{$first_name}",), id="a variable"),
        pytest.param("[first_name]", ("[first_name]",), id="square brackets"),
        pytest.param("%param1% off", ("%param1%",), id="percent signs"),
        pytest.param("<last_name>", ("<last_name>",), id="angle brackets"),
        pytest.param("${param1} [{param2}] {param3}% f(param4)", (), id="other marks"),
        pytest.param("{first_name} {{first_name}}", ("{{first_name}}",), id="doubled"),
        pytest.param("{{{{param1}}}}", ("{{param1}}",), id="doubled twice"),
        pytest.param("{{{param1}}} {{ param2 }}", (), id="in braces"),
    ],
)
def test_lookalikes_are_listed(text, unknown):
    """What would be sent literally, though it looks like a placeholder."""
    assert unknown_placeholders(text) == unknown


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        pytest.param("a } b { c", "a } b { c", id="single braces"),
        pytest.param("Use {{code}}", "Use {code}", id="doubled"),
        pytest.param("{{x}} {first_name}", "{x} {first_name}", id="beside one"),
        pytest.param("{{{first_name}}}", "{{first_name}}", id="around one"),
    ],
)
def test_doubled_braces_are_sent_as_one(text, sent):
    """The gateway knows no other way to write a brace."""
    assert as_sent(text) == sent


def test_a_word_between_doubled_braces_is_no_placeholder():
    """Neither one that is known, nor one that is not."""
    text = "{{first_name}} {{prenom}} {param1}"

    assert placeholders(text) == ("param1",)
    assert unknown_placeholders("{{prenom}} {param1}") == ()
    assert merge("{{x}} {first_name}", {"first_name": "Zoé"}) == "{x} Zoé"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("prenom", "first_name"),
        ("Prénom", "first_name"),
        ("firstname", "first_name"),
        ("First-Name", "first_name"),
        ("nom", "last_name"),
        ("ch1", "param1"),
        ("param6", "param5"),
        ("frist_name", "first_name"),
        ("zzz", None),
    ],
)
def test_the_placeholder_that_was_meant_is_suggested(name, meant):
    """By what other programs call it, or by how it is spelled."""
    found = suggested_placeholder(name)

    assert found == meant or (name == "param6" and found.startswith("param"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hi {prenom}", "{prenom} is no placeholder and would be sent as it stands; "),
        ("Hi {zzz}", "as it stands. Braces that are meant are written twice, as in {{"),
        ("Hi {{first_name}}", "{{first_name}} is replaced by the gateway all the same"),
        ("Hi {first_name", "{first_name would be sent as it stands; write {first_name"),
        ("Hi last_name}", "last_name} would be sent as it stands; write {last_name}"),
    ],
)
def test_braces_that_would_not_do_what_is_meant_are_refused(text, words):
    """It would be wrong for everybody."""
    with pytest.raises(InvalidFieldError) as caught:
        check_placeholders(text)

    assert words in str(caught.value)


def test_braces_that_do_what_is_meant_are_let_through():
    """Placeholders, single and doubled braces."""
    check_placeholders("{first_name} {{x}} } { {last_name}")
