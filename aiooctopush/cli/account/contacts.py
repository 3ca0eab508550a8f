"""``octopush contacts`` and ``octopush lists``: who a campaign may go to."""

from pathlib import Path
from typing import Any, Final

import click

from ...api._chunks import ManyResults
from ...api._recipients import Recipient
from ...api._shared import MAX_LIST_NAME, check_text
from ...errors import InvalidFieldError, Outcome, shown
from ..bulk.check import refuse
from ..targets.recipients import FileReading, recipient_file_options
from ..targets.session import open_session
from ..terminal.console import Screen
from ..terminal.help import Command, Group, Option
from ..terminal.options import gateway_options, json_option
from ..terminal.prompts import agree, yes_option
from ..terminal.values import counted
from .many import ChunkedCommand, numbers_or_file, open_numbers


_IMPORT_EXAMPLE = """\
octopush contacts import people.csv --list customers
"""

_MANY_EPILOG = """\
--json gives: accepted, presumed, refused, not_sent, unknown (contacts), bad_rows,
duplicates, interrupted, problems (the first 200; for each first and last line, items,
outcome, reason, code), more_problems, and error, which broke it off.
"""

_DELETE_EXAMPLE = """\
octopush contacts delete +33600000001 --list customers
octopush contacts delete --file gone.csv
"""

_LISTS_EXAMPLE = """\
octopush lists create customers
"""

_LIST_EPILOG = """\
--json gives: list, outcome ("accepted", or "presumed" after a try without an answer),
attempts.
"""

_WHERE: Final = "Which list"
_AGAIN: Final = "A repeat is harmless: put right what is wrong, and run it again."
_UNDONE: Final = "Nothing was changed."


@click.group(
    "contacts",
    cls=Group,
    short_help="Import and delete contacts.",
    example=_IMPORT_EXAMPLE,
)
def contacts() -> None:
    """
    Import and delete contacts, for campaigns on a list.

    The gateway has no way to list, search or count contacts, and neither has this
    command.
    """


@contacts.command(
    "import",
    cls=Command,
    short_help="Add or update the contacts of a file.",
    example=_IMPORT_EXAMPLE,
    epilog=_MANY_EPILOG,
)
@click.argument("path", metavar="FILE.csv", type=click.Path(path_type=Path))
@click.option(
    "--list",
    "list_name",
    cls=Option,
    required=True,
    metavar="NAME",
    heading=_WHERE,
    help="They are put into this list: 1 to 30 characters. One that does not exist is "
    "probably created.",
)
@click.option(
    "--keep",
    cls=Option,
    is_flag=True,
    heading=_WHERE,
    help="Leave contacts as they are that exist already.",
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
    **gateway: Any,
) -> None:
    """
    Add or update the contacts of a CSV file, of any size, and put them into a list.

    The first line names the columns: phone_number, and if wanted first_name,
    last_name, param1 to param5. Rows that cannot be used are listed and left out. It
    costs nothing, nobody gets a message, and a repeat is harmless.
    """
    screen = Screen(as_json=as_json)
    with screen.failures():
        _check_name(list_name, "--list")
        source = reading.open(path)
        ignored = source.ignored_columns()
    if ignored:
        screen.warn(f"columns that are not used: {shown(', '.join(ignored))}.")
    with open_session(ctx, screen, gateway) as calls:

        async def create(some: list[Recipient]) -> ManyResults[Recipient, None]:
            return await calls.session.contacts.create(
                some, list_name=list_name, do_not_overwrite=keep or None
            )

        many = ChunkedCommand(calls=calls, source=source, ask=create)
        with screen.failures():
            many.run(f"Importing {path.name}")
    total = counted(many.done, "contact")
    _tell(screen, many, f"Done: {total} in the list {shown(list_name)}.", path=path)


@contacts.command(
    "delete",
    cls=Command,
    short_help="Take contacts out of a list, or delete them.",
    example=_DELETE_EXAMPLE,
    epilog=_MANY_EPILOG,
)
@numbers_or_file
@click.option(
    "--list",
    "list_name",
    cls=Option,
    metavar="NAME",
    heading=_WHERE,
    help="Take them out of this list only. Without it they leave the account, and so "
    "every list and tag.",
)
@yes_option("Do not ask before contacts leave the account.")
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
    **gateway: Any,
) -> None:
    """
    Take contacts out of a list, or delete them from the whole account.

    NUMBER is international, such as +33600000001. Without --list it asks first: what
    is deleted cannot be brought back.
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

        many = ChunkedCommand(calls=calls, source=source, ask=remove, once=True)
        with screen.failures():
            count = many.count()
        if list_name is None:
            agree(
                screen,
                f"Delete {counted(count, 'contact')} from the whole account?",
                yes=yes,
                otherwise=_UNDONE,
            )
        many.run("Deleting")
    where = "the account" if list_name is None else f"the list {shown(list_name)}"
    total = counted(many.done, "contact")
    _tell(screen, many, f"Done: {total} taken out of {where}.", path=path)


def _tell(
    screen: Screen, many: ChunkedCommand, good: str, *, path: Path | None
) -> None:
    many.list_problems(screen, "NUMBER" if path is None else "line")
    if not many.counts and not many.bad and not many.interrupted:
        refuse(screen, f"{path} holds no contacts. Nothing was sent.")
    words, style = many.headline(good)
    screen.say(words, style=style)
    screen.rows(many.figures("Accepted"))
    if many.exit_code:
        screen.say("")
        screen.paragraph(_AGAIN)
    screen.document(many.as_dict())
    raise click.exceptions.Exit(many.exit_code)


# --- lists ----------------------------------------------------------------------------


@click.group(
    "lists",
    cls=Group,
    short_help="Create, empty and delete contact lists.",
    example=_LISTS_EXAMPLE,
)
def lists() -> None:
    """
    Create, empty and delete contact lists.

    The gateway has no way to list the lists, or what stands in them, and neither has
    this command: the gateway's web site shows them.
    """


def _named(function: Any) -> Any:
    function = click.pass_context(function)
    function = json_option()(function)
    return click.argument("name", metavar="NAME")(gateway_options(function))


@lists.command(
    "create",
    cls=Command,
    short_help="Create an empty list.",
    example=_LISTS_EXAMPLE,
    epilog=_LIST_EPILOG,
)
@_named
def create_list(
    ctx: click.Context, /, *, name: str, as_json: bool, **gateway: Any
) -> None:
    """
    Create an empty list.

    NAME has 1 to 30 characters. `octopush contacts import` fills it, and probably
    creates it, too.
    """
    screen = Screen(as_json=as_json)
    with open_session(ctx, screen, gateway) as calls:
        result = calls.ask(
            calls.session.contacts.create_list(name),
            names={"list_name": "NAME"},
            advice="Run it again: code 302 would mean that the list is there.",
        )
    _tell_of_list(screen, name, "created", result.outcome, result.attempts)


@lists.command(
    "empty",
    cls=Command,
    short_help="Take all contacts out of a list.",
    example="octopush lists empty customers\n",
    epilog=_LIST_EPILOG,
)
@click.option(
    "--delete-contacts",
    cls=Option,
    is_flag=True,
    heading="What becomes of the contacts",
    help="Delete them from the whole account, too.",
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
    **gateway: Any,
) -> None:
    """
    Take all contacts out of a list; the list stays.

    It asks first, since nobody can tell afterwards who stood in it.
    """
    screen = Screen(as_json=as_json)
    with open_session(ctx, screen, gateway) as calls:
        more = ", and delete its contacts from the whole account" * delete_contacts
        question = f"Empty the list {shown(name)}{more}?"
        agree(screen, question, yes=yes, otherwise=_UNDONE)
        result = calls.ask(
            calls.session.contacts.empty_list(
                name, delete_contacts=delete_contacts or None
            ),
            names={"list_name": "NAME"},
            advice="Run it again: a repeat is harmless.",
        )
    _tell_of_list(screen, name, "emptied", result.outcome, result.attempts)


@lists.command(
    "delete",
    cls=Command,
    short_help="Delete a list.",
    example="octopush lists delete customers\n",
    epilog=_LIST_EPILOG,
)
@yes_option()
@_named
def delete_list(
    ctx: click.Context, /, *, name: str, yes: bool, as_json: bool, **gateway: Any
) -> None:
    """
    Delete a list; its contacts stay in the account, as far as is known.

    It asks first, since nobody can tell afterwards who stood in it.
    """
    screen = Screen(as_json=as_json)
    with open_session(ctx, screen, gateway) as calls:
        question = f"Delete the list {shown(name)}?"
        agree(screen, question, yes=yes, otherwise=_UNDONE)
        result = calls.ask(
            calls.session.contacts.delete_list(name),
            names={"list_name": "NAME"},
            advice="Run it again: a repeat is harmless.",
        )
    _tell_of_list(screen, name, "deleted", result.outcome, result.attempts)


def _tell_of_list(
    screen: Screen, name: str, done: str, outcome: Outcome, attempts: int
) -> None:
    if outcome is Outcome.PRESUMED:
        screen.say(
            f"Presumed {done}: a try without an answer was most likely taken.",
            style="bold yellow",
        )
    else:
        screen.say(f"The list {shown(name)} is {done}.", style="green")
    screen.document({"list": name, "outcome": str(outcome), "attempts": attempts})


def _check_name(name: str, place: str) -> None:
    try:
        check_text(name, "list_name", MAX_LIST_NAME)
    except InvalidFieldError as error:
        raise InvalidFieldError(place, error.limit, shown=error.shown) from None
