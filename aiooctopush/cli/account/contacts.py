"""``octopush contacts`` and ``octopush lists``: who a campaign may go to."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from ...api._chunks import ManyResults
from ...api._recipients import Recipient
from ...api._shared import MAX_LIST_NAME, check_text
from ...errors import InvalidFieldError, Outcome, shown
from ..bulk.check import refuse
from ..targets.gateway import GatewayOptions, gateway_options
from ..targets.recipients import FileReading, recipient_file_options
from ..targets.session import open_session
from ..terminal.console import Screen
from ..terminal.help import group, option
from ..terminal.options import json_option
from ..terminal.prompts import require_agreement, yes_option
from ..terminal.result import Result, Row, item
from ..terminal.values import counted
from .many import ChunkedCommand, ChunkedResult, numbers_or_file, open_numbers


_IMPORT_EXAMPLE = """\
octopush contacts import people.csv --list customers
"""

_DELETE_EXAMPLE = """\
octopush contacts delete +33600000001 --list customers
octopush contacts delete --file gone.csv
"""

_LISTS_EXAMPLE = """\
octopush lists create customers
"""

_WHERE: Final = "List"
_AGAIN: Final = "Fix what is wrong, and run it again: repeating it is harmless."
_UNDONE: Final = "Nothing was changed."


@frozen(kw_only=True)
class Contacts(ChunkedResult):
    """Outcome of many contacts."""

    def advice(self) -> Iterable[str]:
        """Return what to do if not everything is done."""
        return (_AGAIN,) if self.exit_code else ()


@frozen(kw_only=True)
class ContactList(Result):
    """
    Outcome of a change of a list.

    Attributes:
        done: The change that was made to it.
    """

    list: str = item()
    outcome: Outcome = item(doc='"accepted", or "presumed" after a timeout')
    attempts: int = item()
    done: str = item(in_json=False)

    def headline(self) -> Row:
        """Return a sentence."""
        if self.outcome is Outcome.PRESUMED:
            words = (
                f"Presumed {self.done}: an attempt without a response was most likely "
                "accepted."
            )
            return words, "bold yellow"
        return f"The list {shown(self.list)} is {self.done}.", "green"


@group(
    "contacts",
    short_help="Import and delete contacts.",
    example=_IMPORT_EXAMPLE,
)
def contacts() -> None:
    """
    Import and delete contacts, for campaigns on a list.

    The gateway cannot list, search or count contacts.
    """


@contacts.command(
    "import",
    short_help="Add or update the contacts of a file.",
    example=_IMPORT_EXAMPLE,
    result=Contacts,
)
@click.argument("path", metavar="FILE.csv", type=click.Path(path_type=Path))
@option(
    "--list",
    "list_name",
    required=True,
    metavar="NAME",
    heading=_WHERE,
    help="Name of the list: 1 to 30 characters. One that does not exist is probably "
    "created.",
)
@option(
    "--keep",
    is_flag=True,
    heading=_WHERE,
    help="Do not change contacts that already exist.",
)
@recipient_file_options
@gateway_options
@json_option()
@click.pass_context
def import_(
    ctx: click.Context,
    /,
    *,
    path: Path,
    list_name: str,
    keep: bool,
    reading: FileReading,
    as_json: bool,
    gateway: GatewayOptions,
) -> None:
    """
    Add or update the contacts of a CSV file, of any size, and put them into a list.

    The first line names the columns: phone_number, and optionally first_name, last_name
    and param1 to param5. Rows that cannot be used are listed and left out. Importing is
    free, sends no message, and can be repeated without harm.
    """
    screen = Screen(as_json=as_json)
    with screen.failures():
        _check_name(list_name, "--list")
        source = reading.open(path)
        ignored = source.ignored_columns()
    if ignored:
        screen.warn(f"unused columns: {shown(', '.join(ignored))}.")
    with open_session(ctx, screen, gateway) as calls:

        async def create(some: list[Recipient]) -> ManyResults[Recipient, None]:
            return await calls.session.contacts.create(
                some, list_name=list_name, do_not_overwrite=keep or None
            )

        many = ChunkedCommand(calls=calls, source=source, request=create)
        with screen.failures():
            many.run(f"Importing {path.name}")
    total = counted(many.done, "contact")
    _print_result(
        screen, many, f"Done: {total} in the list {shown(list_name)}.", path=path
    )


@contacts.command(
    "delete",
    short_help="Remove contacts from a list, or delete them.",
    example=_DELETE_EXAMPLE,
    result=Contacts,
)
@numbers_or_file
@option(
    "--list",
    "list_name",
    metavar="NAME",
    heading=_WHERE,
    help="List to remove them from. Without it they are deleted from the account, and "
    "so from every list and tag.",
)
@yes_option("Do not ask before contacts are deleted from the account.")
@gateway_options
@json_option()
@click.pass_context
def delete(
    ctx: click.Context,
    /,
    *,
    numbers: tuple[str, ...],
    path: Path | None,
    list_name: str | None,
    yes: bool,
    reading: FileReading,
    as_json: bool,
    gateway: GatewayOptions,
) -> None:
    """
    Remove contacts from a list, or delete them from the whole account.

    NUMBER is international, such as +33600000001. Without --list it asks for
    confirmation, because deleted contacts cannot be restored.
    """
    screen = Screen(as_json=as_json)
    with screen.failures():
        if list_name is not None:
            _check_name(list_name, "--list")
        source = open_numbers(numbers, path, reading)
    with open_session(ctx, screen, gateway) as calls:

        async def remove(some: list[Recipient]) -> ManyResults[str, None]:
            return await calls.session.contacts.delete(
                [one.phone_number for one in some], list_name=list_name
            )

        many = ChunkedCommand(calls=calls, source=source, request=remove, unique=True)
        with screen.failures():
            count = many.count()
        if list_name is None:
            require_agreement(
                screen,
                f"Delete {counted(count, 'contact')} from the whole account?",
                yes=yes,
                otherwise=_UNDONE,
            )
        many.run("Deleting")
    where = "the account" if list_name is None else f"the list {shown(list_name)}"
    total = counted(many.done, "contact")
    _print_result(screen, many, f"Done: {total} removed from {where}.", path=path)


def _print_result(
    screen: Screen, many: ChunkedCommand, done: str, *, path: Path | None
) -> None:
    many.list_problems(screen, "NUMBER" if path is None else "line")
    if not many.counts and not many.bad and not many.interrupted:
        refuse(screen, f"{path} holds no contacts. Nothing was sent.")
    screen.result(Contacts(**many.fields(done)))
    raise click.exceptions.Exit(many.exit_code)


# --- lists ----------------------------------------------------------------------------


@group(
    "lists",
    short_help="Create, empty and delete contact lists.",
    example=_LISTS_EXAMPLE,
)
def lists() -> None:
    """
    Create, empty and delete contact lists.

    The gateway cannot report the lists or their contacts; its web site shows them.
    """


def _named(function: Any) -> Any:
    function = click.pass_context(function)
    function = json_option()(function)
    return click.argument("name", metavar="NAME")(gateway_options(function))


@lists.command(
    "create",
    short_help="Create an empty list.",
    example=_LISTS_EXAMPLE,
    result=ContactList,
)
@_named
def create_list(
    ctx: click.Context, /, *, name: str, as_json: bool, gateway: GatewayOptions
) -> None:
    """
    Create an empty list.

    NAME has 1 to 30 characters. `octopush contacts import` fills the list, and probably
    also creates it.
    """
    screen = Screen(as_json=as_json)
    with open_session(ctx, screen, gateway) as calls:
        result = calls.ask(
            calls.session.contacts.create_list(name),
            names={"list_name": "NAME"},
            advice="To check, run it again: code 302 means that the list exists.",
        )
    _print_list(screen, name, "created", result.outcome, result.attempts)


@lists.command(
    "empty",
    short_help="Remove all contacts from a list.",
    example="octopush lists empty customers\n",
    result=ContactList,
)
@option(
    "--delete-contacts",
    is_flag=True,
    heading="Contacts",
    help="Also delete them from the whole account.",
)
@yes_option()
@_named
def empty_list(
    ctx: click.Context,
    /,
    *,
    name: str,
    delete_contacts: bool,
    yes: bool,
    as_json: bool,
    gateway: GatewayOptions,
) -> None:
    """
    Remove all contacts from a list; the list remains.

    It asks for confirmation, because the gateway cannot report afterwards which
    contacts it had.
    """
    screen = Screen(as_json=as_json)
    with open_session(ctx, screen, gateway) as calls:
        more = ", and delete its contacts from the whole account" * delete_contacts
        question = f"Empty the list {shown(name)}{more}?"
        require_agreement(screen, question, yes=yes, otherwise=_UNDONE)
        result = calls.ask(
            calls.session.contacts.empty_list(
                name, delete_contacts=delete_contacts or None
            ),
            names={"list_name": "NAME"},
            advice="Run it again.",
        )
    _print_list(screen, name, "emptied", result.outcome, result.attempts)


@lists.command(
    "delete",
    short_help="Delete a list.",
    example="octopush lists delete customers\n",
    result=ContactList,
)
@yes_option()
@_named
def delete_list(
    ctx: click.Context,
    /,
    *,
    name: str,
    yes: bool,
    as_json: bool,
    gateway: GatewayOptions,
) -> None:
    """
    Delete a list; as far as is documented, its contacts remain in the account.

    It asks for confirmation, because the gateway cannot report afterwards which
    contacts it had.
    """
    screen = Screen(as_json=as_json)
    with open_session(ctx, screen, gateway) as calls:
        question = f"Delete the list {shown(name)}?"
        require_agreement(screen, question, yes=yes, otherwise=_UNDONE)
        result = calls.ask(
            calls.session.contacts.delete_list(name),
            names={"list_name": "NAME"},
            advice="Run it again.",
        )
    _print_list(screen, name, "deleted", result.outcome, result.attempts)


def _print_list(
    screen: Screen, name: str, done: str, outcome: Outcome, attempts: int
) -> None:
    screen.result(ContactList(list=name, outcome=outcome, attempts=attempts, done=done))


def _check_name(name: str, place: str) -> None:
    try:
        check_text(name, "list_name", MAX_LIST_NAME)
    except InvalidFieldError as error:
        raise InvalidFieldError(place, error.limit, shown=error.shown) from None
