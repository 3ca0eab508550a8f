"""Editors offer every call and every keyword: read by jedi, as they read it."""

import inspect
from typing import get_type_hints

import pytest

from aiooctopush import OctopushSession, Sms


jedi = pytest.importorskip("jedi", reason="nox -s typing brings it")

WRITTEN = """
from aiooctopush import OctopushSession

async def main():
    async with OctopushSession.from_env() as octopush:
        """
NAMESPACES = {
    name: kind
    for name, kind in get_type_hints(OctopushSession).items()
    if not name.startswith("_")
}
CALLS = {
    **{
        f"{name}.{call}": getattr(kind, call)
        for name, kind in NAMESPACES.items()
        for call in dir(kind)
        if not call.startswith("_")
    },
    "raw": OctopushSession.raw,
    "bulk": OctopushSession.bulk,
}


def cursor(code):
    """Where somebody has just typed the end of some code."""
    lines = code.splitlines()
    return len(lines), len(lines[-1])


def offered(typed):
    """Return what an editor offers after these characters."""
    code = f"{WRITTEN}{typed}"
    names = {one.name for one in jedi.Script(code).complete(*cursor(code))}
    return {name for name in names if not name.startswith("_")}


def keywords(typed):
    """Return the keywords that an editor shows inside of a call."""
    code = f"{WRITTEN}await {typed}("
    (signature,) = jedi.Script(code).get_signatures(*cursor(code))
    return {one.name for one in signature.params}


def test_there_are_nine_namespaces():
    """The tables of this test are not empty: one for each namespace of the API."""
    assert sorted(NAMESPACES) == [
        *("contacts", "lookup", "multichannel", "otp", "settings", "sms"),
        *("subaccounts", "voice", "wallet"),
    ]
    assert CALLS["sms.send"] is Sms.send


def test_the_session_offers_its_namespaces():
    """After the dot stand all namespaces."""
    assert offered("octopush.") >= {*NAMESPACES, "bulk", "raw", "close"}


@pytest.mark.parametrize("name", NAMESPACES)
def test_a_chapter_offers_its_calls(name):
    """After the second dot stand all calls, and nothing else."""
    calls = {call for call in CALLS if call.startswith(f"{name}.")}

    assert {f"{name}.{one}" for one in offered(f"octopush.{name}.")} == calls


@pytest.mark.parametrize("name", CALLS)
def test_a_call_offers_its_keywords(name):
    """After the bracket stand all parameters; none hides behind `**`."""
    parameters = inspect.signature(CALLS[name]).parameters
    kinds = {one.kind for one in parameters.values()}

    assert inspect.Parameter.VAR_KEYWORD not in kinds
    assert keywords(f"octopush.{name}") == parameters.keys() - {"self"}


def test_a_result_offers_its_fields():
    """What is awaited is known, too."""
    fields = {"outcome", "ticket", "total_cost", "request_id", "attempts"}

    assert offered("sent = await octopush.sms.send()\n        sent.") >= fields


def test_a_run_offers_its_calls():
    """And what a plain call returns."""
    assert offered("octopush.bulk('a').") >= {"send", "stream", "report", "stop"}
