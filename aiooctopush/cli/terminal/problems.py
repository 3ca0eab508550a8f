"""Errors in the words of the command line, and their exit codes."""

import errno
import os
import re
from typing import Any, Final

from ...errors import InvalidFieldError, OctopushError, Outcome
from .exit_codes import ExitCode


# Names of the library's arguments on the command line.
_OPTIONS: Final = {
    "sender": "--sender",
    "text": "--text",
    "purpose": "--purpose",
    "type": "--type",
    "send_at": "--at",
    "request_id": "--request-id",
    "key": "--key",
    "name": "--run",
    "concurrency": "--concurrency",
    "batch": "BATCH",
    "decision": "DECISION",
    "max_cost": "--max-cost",
    "encoding": "--encoding",
    "delimiter": "--delimiter",
    "country": "--country",
    "columns": "--column",
    "sheet": "--sheet",
    "on_missing": "--on-missing",
    "base_url": "--base-url",
    "dsn_or_pool": "LEDGER",
    "schema": "LEDGER, schema",
    "api_login": "OCTOPUSH_API_LOGIN",
    "api_key": "OCTOPUSH_API_KEY",
}


# Words for Python programs, and those for people at a terminal.
_FOR_PROGRAMS: Final = {
    "country_code and product_name": "--country and --product",
    ", or another ledger of this one": "",
    ", or open it read_only": "",
    "this OctopushSession is closed; open a new one": "the command was stopped",
    "PostgresLedger.migrate()": "`octopush ledger init`",
    "check base_url": "check --base-url and OCTOPUSH_BASE_URL",
    ", or the arguments passed in their place": "",
}


# Arguments of a program, replaced by options here.
_for_programs = re.compile(r"\((?:abandon|columns|country|on_missing)=.*?, (?=--)")
_encoding = re.compile(r'(?:pass |is )?encoding="([\w-]+)"')

# They are about a ledger, and no message.
_OF_LEDGERS: Final = frozenset({"name", "batch", "decision", "NAME", "RUN"})

NOTHING_SENT: Final = "Nothing was sent."
"""The outcome of a command that failed before it sent anything."""


def in_options(words: str) -> str:
    """Name the options of a command where the library names arguments."""
    for said, here in _FOR_PROGRAMS.items():
        words = words.replace(said, here)
    return _encoding.sub(r"pass --encoding \1", _for_programs.sub("(", words))


def problem_of(error: OctopushError) -> str:
    """
    An error in the words of the command line, including the outcome of the message.
    """
    if not isinstance(error, InvalidFieldError):
        return in_options(str(error))
    place = _OPTIONS.get(error.field, error.field)
    if error.field.startswith("recipients["):
        place = f"--to, number {int(error.field[11:].partition(']')[0]) + 1}"
    got = "" if error.shown is None else f" (got {error.shown})"
    # The rest of such a limit refers to an argument of the library.
    words = f"{place}: {in_options(error.limit.partition('; allow_')[0])}{got}"
    words = f"{words}."
    return words if error.field in _OF_LEDGERS else f"{words} {NOTHING_SENT}"


def cannot_listen(host: str, port: int, error: OSError) -> str:
    """Explain why a server of this command did not start, with advice."""
    words = f"cannot listen on {host}, port {port}"
    if error.errno == errno.EADDRINUSE:
        return f"{words}: it is in use. Choose another one with --port."
    if error.errno in {None, errno.EADDRNOTAVAIL}:  # by the version of Python
        reason = "it is no address of this machine"
    elif error.errno in errno.errorcode:
        # asyncio's own words repeat the address.
        reason = os.strerror(error.errno)
    else:
        reason = str(error.strerror)
    return f"{words}: {reason}. Choose another address with --host or --port."


def exit_code_of(error: OctopushError) -> ExitCode:
    """Exit code of an error that ended a command."""
    if error.maybe_sent or error.outcome is Outcome.UNKNOWN:
        return ExitCode.UNKNOWN
    # Malformed fields and files are refused before any I/O.
    if isinstance(error, ValueError):
        return ExitCode.BAD_INPUT
    return ExitCode.NOT_ACCEPTED


def error_as_json(error: OctopushError) -> dict[str, Any]:
    """An error as plain data; nothing in it is private."""
    document = outcome_document(
        type(error).__name__, problem_of(error), error.outcome, error.request_id
    )
    return document | {"maybe_sent": error.maybe_sent, "code": error.code}


def outcome_document(
    kind: str, words: str, outcome: Outcome | None, request_id: str | None = None
) -> dict[str, Any]:
    """
    Build the JSON document of a command that did not do what it was asked for.

    Args:
        kind: Name of an error, or of another reason.
        words: The reason, for people.
        outcome: Outcome of the message; None for a command without one.
        request_id: Its id, if it has one.
    """
    return {
        "error": kind,
        "message": words,
        "outcome": None if outcome is None else str(outcome),
        "maybe_sent": outcome is Outcome.UNKNOWN,
        "request_id": request_id,
        "code": None,
    }
