"""
The canary run: while all tests run, watch that nothing private gets out.

A plugin of pytest (`nox -s canary`). It learns the credentials and the texts that a
test hands to the package, and looks for them, and for any full phone number, in what
people read: logs of all levels, `repr` and `str` of every object of ours, tracebacks,
warnings, what is printed, and files. A hit fails the test, naming where it was.
"""

import functools
import importlib
import inspect
import logging
import pkgutil
import re
import traceback
import warnings
from collections import Counter

import pytest
from click.testing import CliRunner

import aiooctopush
from aiooctopush.secret import Credentials, Secret


NUMBER = re.compile(r"(?<![\w.+-])\+?33[67]\d{8}(?!\w)")
"""A full French mobile number, as all tests use them; a masked one has stars."""

KEPT = 25
"""Objects of one class and test that are looked at; some tests make 100,000."""

# Made-up keys and logins that are words of ours, too: in some command, path or table.
PLAIN_WORDS = {"any", "doctor", "key", "login", "other", "sandbox", "secret", "token"}

# What everybody may see: from whom a message is, also if that is a number.
SENDER = re.compile(r"sender\w*='\d+'")

# Commands that print what they were asked for, and what that is. A command without
# its row may print neither.
MAY_PRINT = [
    ({"--help", "-h", "completion", None}, {"numbers"}),  # the examples' own
    ({"--show-secrets"}, {"secrets"}),
    ({"--show-numbers"}, {"numbers"}),
    ({"lookup"}, {"numbers"}),  # what became of which number
    ({"preview"}, {"texts"}),  # the longest of the merged texts
    ({"bulk"}, {"texts"}),  # as typed, in the command to go on with
    ({"validate"}, {"secrets"}),  # a code, as it is typed
]


class Watch:
    """What one test handed in, and what could be read meanwhile."""

    def __init__(self):
        self.secrets = set()
        self.texts = set()
        self.objects = []
        self.count = Counter()
        self.logged = []
        self.warned = []
        self.printed = []

    def learn_secret(self, value):
        """A key, a login or a token."""
        if isinstance(value, str) and len(value) > 2 and value not in PLAIN_WORDS:
            self.secrets.add(value)

    def learn_text(self, value):
        """The text of a message; one word could be one of ours."""
        if isinstance(value, str) and " " in value.strip():
            self.texts.add(value)

    def keep(self, one):
        """An object of ours, to be shown at the end of the test."""
        self.count[type(one)] += 1
        if self.count[type(one)] <= KEPT:
            self.objects.append(one)


watch = Watch()


# --- what is learnt -------------------------------------------------------------------


def wrapped(cls, then):
    """Have every new object of a class seen."""
    make = cls.__init__

    @functools.wraps(make)
    def init(self, *args, **kwargs):
        make(self, *args, **kwargs)
        if type(self).__init__ is init:  # not for the base of what is being made
            then(self, args, kwargs)

    cls.__init__ = init


def seen(one, args, kwargs):
    """Keep an object, and learn the text of a message from it."""
    watch.keep(one)
    watch.learn_text(getattr(one, "text", None))
    for value in (*args, *kwargs.values()):
        watch.learn_text(getattr(value, "text", None))


def hidden(_one, args, kwargs):
    """Learn what stands behind stars."""
    for value in (*args, *kwargs.values()):
        watch.learn_secret(value)


def modules():
    """Import all of the package but the simulation, whose log shows what was sent."""
    for found in pkgutil.walk_packages(aiooctopush.__path__, "aiooctopush."):
        if not found.name.startswith(("aiooctopush.sandbox", "aiooctopush.__main__")):
            yield importlib.import_module(found.name)


def classes():
    """Every class of ours whose objects are made by a function of ours."""
    for module in modules():
        for cls in vars(module).values():
            if (
                inspect.isclass(cls)
                and cls.__module__ == module.__name__
                and inspect.isfunction(cls.__dict__.get("__init__"))
                and not getattr(cls, "_is_protocol", False)
            ):
                yield cls


# --- where it is looked for -----------------------------------------------------------


def readable(one):
    """
    All that people read off an object.

    Of a traceback, the words of all errors in the chain: the lines of code between
    them are those of the test, with what it typed.
    """
    yield from (repr(one), str(one))
    if isinstance(one, BaseException):
        shown = traceback.TracebackException.from_exception(one)
        yield "".join(words(shown))


def words(shown):
    """What an error and those behind it say, notes included."""
    while shown is not None:
        yield from shown.format_exception_only()
        hidden = None if shown.__suppress_context__ else shown.__context__
        shown = shown.__cause__ or hidden


def record_lines(record):
    """What any handler could write of a record; its error is shown at the end."""
    yield record.getMessage()
    if record.exc_info and record.exc_info[1] is not None:
        # Reading lines of code takes longer than some tests give a connection.
        watch.objects.append(record.exc_info[1])
    extra = [one for one in vars(record).values() if not isinstance(one, float)]
    yield repr(extra)


def watch_logs():
    """See each record at any level; then go on as if only what is wanted were there."""
    wanted, handle = logging.Logger.isEnabledFor, logging.Logger.handle

    def enabled(self, level):
        return self.name.startswith("aiooctopush") or wanted(self, level)

    def seen_and_handled(self, record):
        watch.logged += record_lines(record)
        if wanted(self, record.levelno):
            handle(self, record)

    logging.Logger.isEnabledFor = enabled
    logging.Logger.handle = seen_and_handled


def watch_warnings():
    """See each warning, also one that is an error."""
    warn = warnings.warn

    @functools.wraps(warn)
    def seen_and_warned(message, *args, stacklevel=1, **kwargs):
        watch.warned.append(str(message))
        warn(message, *args, stacklevel=stacklevel + 1, **kwargs)

    warnings.warn = seen_and_warned


def watch_commands():
    """See what every command prints."""
    invoke = CliRunner.invoke

    @functools.wraps(invoke)
    def seen_and_invoked(self, command, arguments, **kwargs):
        result = invoke(self, command, arguments, **kwargs)
        watch.printed.append((arguments, result.output))
        return result

    CliRunner.invoke = seen_and_invoked


# --- the verdict ----------------------------------------------------------------------


def hits(place, shown, *, but=()):
    """Say which private things stand in what was shown, but for some kinds."""
    found = {
        "secrets": [one for one in watch.secrets if one in shown],
        "texts": [one for one in watch.texts if one in shown],
        "numbers": NUMBER.findall(SENDER.sub("", shown)),
    }
    for kind in found.keys() - but:
        for one in sorted(set(found[kind])):
            # In full: who reads this wants to find it, and it is made up.
            yield f"{place}: {kind}: {one!r} in {shown[:1000]!r}"


def verdict(folder, captured):
    """All hits of the test that has just ended."""
    for place, shown in captured:
        yield from hits(place, shown)
    for line in watch.logged:
        yield from hits("log", line)
    for message in watch.warned:
        yield from hits("warning", message)
    for one in watch.objects:
        for shown in readable(one):
            yield from hits(f"repr of {type(one).__name__}", shown)
    for arguments, shown in watch.printed:
        but = {
            kind
            for options, kinds in MAY_PRINT
            if options.intersection(arguments or [None])
            for kind in kinds
        }
        yield from hits(f"printed by {arguments}", shown, but=but)
    for path in sorted(folder.rglob("*")) if folder else ():
        if path.is_file():
            # Ledgers and lists of people hold numbers; a page for people does not.
            but = () if path.suffix == ".html" else {"numbers"}
            yield from hits(path.name, path.read_bytes().decode("latin-1"), but=but)


# Tests that cannot pass while they are watched.
_MEMORY = "measures memory, of which this plugin takes some"
_END = "waits for the end of an object, which this plugin keeps"
LEFT_OUT = {
    "test_a_broken_connection_is_what_aiohttp_makes_of_it": "has 0.3 seconds",
    "test_a_failure_says_what_the_gateway_saw": "prints the code of a test",
    "test_a_sender_with_letters_is_let_through_with_a_warning": "counts frames",
    "test_a_strange_exception_of_a_transport_is_of_unknown_outcome": "shows its cause",
    "test_a_session_that_failed_is_named_though_its_error_holds_it": _END,
    "test_a_session_that_outlives_its_loop_is_named_once": _END,
    "test_a_session_that_was_left_open_is_named_in_our_words": _END,
    "test_a_stream_that_was_never_iterated_warns": _END,
    "test_a_stream_that_was_only_closed_warns": _END,
    "test_memory_stays_flat": _MEMORY,
    "test_nothing_is_said_of_a_session_that_left_nothing_open": _END,
    "test_who_waits_takes_little_memory_and_leaves_none_behind": _MEMORY,
}


def pytest_collection_modifyitems(items):
    """Skip what cannot be watched, and say why."""
    for item in items:
        if item.originalname in LEFT_OUT:
            item.add_marker(pytest.mark.skip(reason=LEFT_OUT[item.originalname]))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    """Begin anew with each test."""
    global watch  # noqa: PLW0603 - there is one test at a time
    watch = Watch()
    # Hypothesis draws a password and a name that are the same by chance.
    if getattr(item.obj, "is_hypothesis_test", False):
        watch.learn_secret = watch.learn_text = lambda _: None
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Fail a test that let something out."""
    report = yield
    if call.when == "teardown" and report.passed:
        folder = item.funcargs.get("tmp_path")
        found = list(dict.fromkeys(verdict(folder, report.sections)))
        if found:
            report.outcome = "failed"
            report.longrepr = "something private got out\n" + "\n".join(found)
    return report


def pytest_configure():
    """Begin to watch."""
    for cls in list(dict.fromkeys(classes())):
        wrapped(cls, hidden if cls in (Secret, Credentials) else seen)
    watch_logs()
    watch_warnings()
    watch_commands()
