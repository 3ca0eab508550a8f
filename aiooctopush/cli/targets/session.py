"""The calls of a command, one after the other, with questions between them."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import wraps
from types import MappingProxyType
from typing import Any, Final, NoReturn, Self, TypeVar

import click

from ...errors import InvalidFieldError, OctopushError, Outcome, renamed
from ...session import OctopushSession
from ..terminal.console import Screen
from ..terminal.exit_codes import ExitCode
from ..terminal.interrupt import interruptible
from ..terminal.options import json_option
from ..terminal.problems import outcome_document
from ..terminal.prompts import require_agreement
from ..terminal.result import Result
from .gateway import Connection, GatewayOptions, connect, gateway_options


T = TypeVar("T")

_NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})

_indexed = re.compile(r"(\w+)\[(\d+)\].*").fullmatch


class CommandSession:
    """
    One session for all calls of a command.

    Use it as a context manager: the session is closed at its end. Calls are made on one
    event loop, which does not run between them, so that Ctrl-C at a question ends the
    question.

    Attributes:
        screen: Where words go.
    """

    def __init__(self, screen: Screen, gateway: GatewayOptions) -> None:
        self.screen = screen
        self._gateway = gateway
        self._connection: Connection | None = None
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._runner:
            if self._connection is not None:
                self._runner.run(self._connection.session.close())

    def connect(self) -> Connection:
        """
        Find the gateway, at the first use: other input is checked before.

        Raises:
            Exit: Credentials are missing or malformed.
        """
        if self._connection is None:
            with self.screen.failures():
                self._connection = connect(self._gateway)
        return self._connection

    @property
    def session(self) -> OctopushSession:
        """For the calls themselves."""
        return self.connect().session

    def require_agreement(self, question: str, *, yes: bool, otherwise: str) -> None:
        """
        Continue only if a person agrees, who is asked once the gateway is known.

        The arguments and the errors are those of `prompts.require_agreement`.
        """
        self.connect()
        require_agreement(self.screen, question, yes=yes, otherwise=otherwise)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work that looks after Ctrl-C itself."""
        return self._runner.run(work)

    def attempt(self, work: Coroutine[Any, Any, T]) -> T:
        """
        Make a call.

        Raises:
            OctopushError: The call failed.
            TimeoutError: At the second Ctrl-C.
        """
        return self.run(self._interruptibly(work))

    def ask(
        self,
        work: Coroutine[Any, Any, T],
        *,
        names: Mapping[str, str] = _NO_NAMES,
        reads: bool = False,
        advice: str = "",
    ) -> T:
        """
        Make a call, or report the error and exit.

        Args:
            work: The call.
            names: Names of its arguments on this command line.
            reads: Whether it changes nothing.
            advice: A further line, for when it may have been done.

        Raises:
            Exit: It failed, or Ctrl-C was pressed twice.
        """
        try:
            return self.attempt(work)
        except OctopushError as error:
            # No request was made: "unknown" would alarm a script.
            if reads and error.outcome is Outcome.UNKNOWN:
                error.outcome = None
            self.screen.fail(named(error, names), advice=advice * error.maybe_sent)
        except TimeoutError:
            give_up(self.screen, reads=reads, advice=advice)

    async def _interruptibly(self, work: Coroutine[Any, Any, T]) -> T:
        async with stoppable(self.screen, self.session):
            return await work


@asynccontextmanager
async def stoppable(screen: Screen, session: OctopushSession) -> AsyncIterator[None]:
    """
    Stop a call at the first signal: its waits end, a request in flight is finished.

    Raises:
        TimeoutError: At the second; the request in flight is abandoned.
    """
    closing: list[asyncio.Task[None]] = []

    def first() -> None:
        closing.append(asyncio.ensure_future(session.close()))
        screen.note("Stopping. Press Ctrl-C again to abandon a request in flight.")

    try:
        async with interruptible(first):
            yield
    finally:
        for task in closing:
            task.cancel()
        await asyncio.gather(*closing, return_exceptions=True)


def makes_calls(function: Callable[..., Result]) -> Any:
    """
    Make a command of a function that calls the gateway, and returns its result.

    The function gets a `CommandSession` before its options. Options for the gateway,
    and --json, are added.
    """

    @gateway_options
    @json_option
    @wraps(function)
    def command(*, gateway: GatewayOptions, as_json: bool, **options: Any) -> None:
        with CommandSession(Screen(as_json=as_json), gateway) as calls:
            result = function(calls, **options)
        calls.screen.result(result)
        raise click.exceptions.Exit(result.exit_code)

    return command


def named(error: OctopushError, names: Mapping[str, str]) -> OctopushError:
    """Return an error with the names of the command line."""
    if not isinstance(error, InvalidFieldError):
        return error
    place = names.get(error.field, error.field)
    found = _indexed(error.field)
    if found is not None:
        place = f"{names.get(found[1], found[1])}, number {int(found[2]) + 1}"
    return renamed(error, place)


def give_up(screen: Screen, *, reads: bool, advice: str = "") -> NoReturn:
    """
    Report that the response is no longer awaited, and exit.

    Args:
        screen: Where words go.
        reads: Whether nothing was to be changed.
        advice: A further line, for when it may have been done.

    Raises:
        Exit: Always.
    """
    words = "Interrupted before the gateway responded"
    words += "." if reads else "; it may have been done."
    screen.error(words)
    if advice and not reads:
        screen.note(advice)
    outcome = None if reads else Outcome.UNKNOWN
    screen.document(outcome_document("Interrupted", words, outcome))
    raise click.exceptions.Exit(ExitCode.INTERRUPTED)
