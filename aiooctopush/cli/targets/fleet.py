"""The fleet that a command is about: a module of its user, and the broker in there."""

import logging
import re
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from ...errors import OctopushError, Outcome
from ..terminal.help import Decorator, option
from .extras import MissingExtraError


if TYPE_CHECKING:
    from ...integrations.taskiq import Fleet


APP: Final = "--app"
VARIABLE: Final = "OCTOPUSH_FLEET"

_is_app = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*").fullmatch

# The modules of the extra, by their import names.
_OF_THE_EXTRA: Final = {"asyncpg", "taskiq", "taskiq_aio_pika"}

# These describe the error of a program. Others may show its values, such as addresses
# with a password.
_TELLING: Final = (ImportError, KeyError, NameError, AttributeError, SyntaxError)


_SILENT: Final = (
    "the broker does not respond; check that it runs, and that no memory or disk "
    "alarm blocks it"
)


class FleetAppError(OctopushError, ValueError):
    """The object named by ``--app`` is not a fleet."""

    # It is about a program, and no message; so is the next.
    outcome: Outcome | None = None


class BrokerError(OctopushError):
    """The broker does not accept wake-ups."""

    outcome: Outcome | None = None


def is_app(words: str) -> bool:
    """Whether this may name a fleet, such as ``app:fleet``."""
    return _is_app(words) is not None


def app_option(*, required: bool = True) -> Decorator[Any]:
    """Which fleet."""
    return option(
        APP,
        envvar=VARIABLE,
        required=required,
        metavar="MODULE:NAME",
        heading="Fleet",
        show_envvar=True,
        help="Where your program makes its Fleet, such as app:fleet.",
    )


def load_fleet(app: str) -> "Fleet":
    """
    Import the fleet of a program, from the present folder if it is there.

    Raises:
        FleetAppError: No fleet has that name, or it cannot be imported.
        MissingExtraError: A required library is not installed.
    """
    if not is_app(app):
        raise FleetAppError(f"{APP}={app!r} must look like app:fleet")
    try:
        from ...integrations.taskiq import Fleet  # noqa: PLC0415  # an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError.of(error, "a fleet") from error
    name, _, attribute = app.partition(":")
    with _from_this_folder():
        module = _imported(name)
    found = getattr(module, attribute, None)
    if isinstance(found, Fleet):
        return found
    is_what = "is not there" if found is None else f"is not a Fleet, but {_kind(found)}"
    fleets = [key for key, value in vars(module).items() if isinstance(value, Fleet)]
    hint = f"; {name}:{fleets[0]} is one" if fleets else ""
    raise FleetAppError(f"{APP}: {app} {is_what}{hint}")


@asynccontextmanager
async def started(fleet: "Fleet") -> AsyncGenerator[None, None]:
    """
    Start the broker of a fleet for a while.

    Raises:
        BrokerError: It is away.
    """
    stack = AsyncExitStack()
    try:
        await stack.enter_async_context(fleet)
    except OctopushError:
        await fleet.close()
        raise
    except Exception as error:  # every broker has errors of its own
        await fleet.close()
        if isinstance(error.__cause__, TimeoutError):
            raise BrokerError(_SILENT) from error
        # Not its words: they may show an address with a password.
        raise BrokerError(
            f"the broker cannot be reached ({type(error).__name__}); check that it "
            "runs, and its address"
        ) from error
    async with stack:
        yield


@contextmanager
def broker_errors() -> Iterator[None]:
    """
    Convert errors of a broker that does not accept wake-ups.

    Raises:
        BrokerError: The broker went away, or does not respond.
    """
    from taskiq.exceptions import SendTaskError  # noqa: PLC0415  # an extra

    try:
        yield
    except SendTaskError as error:
        if isinstance(error.__cause__, TimeoutError):
            raise BrokerError(_SILENT) from error
        raise BrokerError(
            "the broker does not accept wake-ups "
            f"({type(error.__cause__).__name__}); check that it runs"
        ) from error


@contextmanager
def quiet_logs() -> Iterator[None]:
    """
    Keep warnings of brokers off stderr; relevant ones are shown by the command.

    A program that sets up logging gets all of it, as ever.
    """
    # Without any handler Python would write them there.
    nowhere = logging.NullHandler()
    logging.getLogger().addHandler(nowhere)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(nowhere)


@contextmanager
def _from_this_folder() -> Iterator[None]:
    """Let modules of the present folder be imported, as `taskiq worker` does."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)


def _imported(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = str(error.name)
        if f"{name}.".startswith(f"{missing}."):
            raise FleetAppError(
                f"{APP}: there is no module {missing!r} in this folder, nor among what "
                "is installed; run the command in the folder of your program"
            ) from error
        if missing.partition(".")[0] in _OF_THE_EXTRA:
            raise MissingExtraError.of(error, f"module {name!r}") from error
        raise FleetAppError(
            f"{APP}: module {name!r} needs {missing!r}, which is not installed"
        ) from error
    except OctopushError as error:
        raise FleetAppError(
            f"{APP}: module {name!r} failed ({error.problem})"
        ) from error
    except Exception as error:  # whatever a program does when it is imported
        raise FleetAppError(
            f"{APP}: module {name!r} cannot be imported ({_error_in_words(error)})"
        ) from error


def _error_in_words(error: Exception) -> str:
    """The error of a program, and its location."""
    words = type(error).__name__
    if isinstance(error, _TELLING):
        words += f": {error}"
    if isinstance(error, SyntaxError):  # it says the place itself
        return words
    # Python's own machinery has no file.
    frames = [
        frame
        for frame in extract_tb(error.__traceback__)
        if not frame.filename.startswith("<")
    ]
    return f"{words} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"


def _kind(found: object) -> str:
    name = type(found).__name__
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
