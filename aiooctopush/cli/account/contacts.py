"""``octopush contacts`` and ``octopush lists``: who a campaign may go to."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click
from attrs import frozen

from ...api._chunks import ManyResults
from ...api._recipients import Recipient
from ...api._shared import MAX_LIST_NAME, check_text
from ...errors import InvalidFieldError, Outcome, renamed, shown
from ..bulk.check import refuse
from ..targets.recipients import FileReading, recipient_file_options
from ..targets.session import CommandSession, makes_calls
from ..terminal.help import group, option
from ..terminal.prompts import yes_option
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
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
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
@makes_calls
def import_(
    calls: CommandSession,
    /,
    *,
    path: Path,
    list_name: str,
    keep: bool,
    reading: FileReading,
) -> Contacts:
    """
    Add or update the contacts of a file, of any size, and put them into a list.

    FILE is CSV, JSON or a spreadsheet. Its columns are phone_number, and optionally
    first_name, last_name and param1 to param5. Rows that cannot be used are listed and
    left out. Importing is free, sends no message, and can be repeated without harm.
    """
    with calls.screen.failures():
        _check_name(list_name, "--list")
        source = reading.open(path)
        ignored = source.ignored_columns()
    if ignored:
        calls.screen.warn(f"unused columns: {shown(', '.join(ignored))}.")

    async def create(some: list[Recipient]) -> ManyResults[Recipient, None]:
        return await calls.session.contacts.create(
            some, list_name=list_name, do_not_overwrite=keep or None
        )

    many = ChunkedCommand(calls=calls, source=source, request=create)
    with calls.screen.failures():
        many.run(f"Importing {path.name}")
    total = counted(many.done, "contact")
    return _result(many, f"Done: {total} in the list {shown(list_name)}.", path=path)


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
@makes_calls
def delete(
    calls: CommandSession,
    /,
    *,
    numbers: tuple[str, ...],
    path: Path | None,
    list_name: str | None,
    yes: bool,
    reading: FileReading,
) -> Contacts:
    """
    Remove contacts from a list, or delete them from the whole account.

    NUMBER is international, such as +33600000001. Without --list it asks for
    confirmation, because deleted contacts cannot be restored.
    """
    with calls.screen.failures():
        if list_name is not None:
            _check_name(list_name, "--list")
        source = open_numbers(numbers, path, reading)

    async def remove(some: list[Recipient]) -> ManyResults[str, None]:
        return await calls.session.contacts.delete(
            [one.phone_number for one in some], list_name=list_name
        )

    many = ChunkedCommand(calls=calls, source=source, request=remove, unique=True)
    with calls.screen.failures():
        count = many.count()
    if list_name is None:
        question = f"Delete {counted(count, 'contact')} from the whole account?"
        calls.require_agreement(question, yes=yes, otherwise=_UNDONE)
    many.run("Deleting")
    where = "the account" if list_name is None else f"the list {shown(list_name)}"
    total = counted(many.done, "contact")
    return _result(many, f"Done: {total} removed from {where}.", path=path)


def _result(many: ChunkedCommand, done: str, *, path: Path | None) -> Contacts:
    many.list_problems("NUMBER" if path is None else "line")
    if not many.counts and not many.bad and not many.interrupted:
        refuse(many.calls.screen, f"{path} holds no contacts. Nothing was sent.")
    return Contacts(**many.fields(done))


# --- lists ----------------------------------------------------------------------------


@group(
    "lists",
    example=_LISTS_EXAMPLE,
)
def lists() -> None:
    """
    Create, empty and delete contact lists.

    The gateway cannot report the lists or their contacts; its web site shows them.
    """


_name_argument: Final = click.argument("name", metavar="NAME")
_NAMES: Final = {"list_name": "NAME"}


@lists.command(
    "create",
    short_help="Create an empty list.",
    example=_LISTS_EXAMPLE,
    result=ContactList,
)
@_name_argument
@makes_calls
def create_list(calls: CommandSession, /, *, name: str) -> ContactList:
    """
    Create an empty list.

    NAME has 1 to 30 characters. `octopush contacts import` fills the list, and probably
    also creates it.
    """
    result = calls.ask(
        calls.session.contacts.create_list(name),
        names=_NAMES,
        advice="Running it again is a safe check: a list that exists is refused with "
        "code 302.",
    )
    return ContactList.from_fields(result, list=name, done="created")


@lists.command(
    "empty",
    short_help="Remove all contacts from a list.",
    example="octopush lists empty customers",
    result=ContactList,
)
@option(
    "--delete-contacts",
    is_flag=True,
    heading="Contacts",
    help="Also delete them from the whole account.",
)
@yes_option()
@_name_argument
@makes_calls
def empty_list(
    calls: CommandSession, /, *, name: str, delete_contacts: bool, yes: bool
) -> ContactList:
    """
    Remove all contacts from a list; the list remains.

    It asks for confirmation, because the gateway cannot report afterwards which
    contacts it had.
    """
    more = ", and delete its contacts from the whole account" * delete_contacts
    question = f"Empty the list {shown(name)}{more}?"
    calls.require_agreement(question, yes=yes, otherwise=_UNDONE)
    result = calls.ask(
        calls.session.contacts.empty_list(
            name, delete_contacts=delete_contacts or None
        ),
        names=_NAMES,
        advice="Run it again.",
    )
    return ContactList.from_fields(result, list=name, done="emptied")


@lists.command(
    "delete",
    short_help="Delete a list.",
    example="octopush lists delete customers",
    result=ContactList,
)
@yes_option()
@_name_argument
@makes_calls
def delete_list(calls: CommandSession, /, *, name: str, yes: bool) -> ContactList:
    """
    Delete a list; as far as is documented, its contacts remain in the account.

    It asks for confirmation, because the gateway cannot report afterwards which
    contacts it had.
    """
    question = f"Delete the list {shown(name)}?"
    calls.require_agreement(question, yes=yes, otherwise=_UNDONE)
    result = calls.ask(
        calls.session.contacts.delete_list(name), names=_NAMES, advice="Run it again."
    )
    return ContactList.from_fields(result, list=name, done="deleted")


def _check_name(name: str, place: str) -> None:
    try:
        check_text(name, "list_name", MAX_LIST_NAME)
    except InvalidFieldError as error:
        raise renamed(error, place) from None
