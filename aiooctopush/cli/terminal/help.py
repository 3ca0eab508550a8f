"""
Commands and options whose help starts with a summary and an example.

`command`, `group` and `option` replace those of click.
"""

import inspect
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from .exit_codes import ExitCode, forget_signals, with_signal
from .streams import steady_streams


if TYPE_CHECKING:
    from .result import Result


F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]

_OTHERS: Final = "Other"
_TYPED: Final = "aiooctopush.typed"
_COMPLETED: Final = "_OCTOPUSH_COMPLETE"

NO_SECTIONS: Final[Mapping[str, Sequence[click.Command]]] = MappingProxyType({})
"""All commands under one heading."""


class Option(click.Option):
    """An option under a heading of the help, which shows its default."""

    def __init__(
        self, *declarations: Any, heading: str = _OTHERS, **settings: Any
    ) -> None:
        settings.setdefault("show_default", settings.get("default") is not None)
        super().__init__(*declarations, **settings)
        self.heading = heading


class Command(click.Command):
    """
    A command with an example, and its options under headings.

    Args:
        example: Lines to paste.
        result: The record that it shows; its JSON document is part of the help.
    """

    def __init__(
        self,
        *given: Any,
        example: str,
        result: "type[Result] | None" = None,
        **settings: Any,
    ) -> None:
        if result is not None:
            parts = (settings.get("epilog"), result.epilog())
            settings["epilog"] = "\n\n".join(filter(None, parts))
        super().__init__(*given, **settings)
        self.example = example

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line, and remember it as it was typed."""
        ctx.meta[_TYPED] = f"{ctx.command_path} {shlex.join(args)}"
        return super().parse_args(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the whole help."""
        _write_help(self, self.example, ctx, formatter)

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the options under their headings, in the order of their appearance."""
        for heading, records in options_of(self, ctx).items():
            with formatter.section(heading):
                formatter.write_dl(records)


class LateCommand(click.Command):
    """
    Stand-in for a command that is imported when it is used.

    Args:
        name: Its name on the command line.
        short_help: Its description in the help of the group.
        find: Imports it by its name.
    """

    def __init__(
        self, name: str, short_help: str, find: Callable[[str], click.Command]
    ) -> None:
        super().__init__(name, short_help=short_help)
        self._find = find

    def load(self) -> click.Command:
        """Import the command itself."""
        found = self._find(str(self.name))
        found.short_help = self.short_help
        return found


class Group(click.Group):
    """
    A command of commands.

    Args:
        example: Lines to paste.
        sections: Its commands under the headings of its help; further ones are under
            a heading of their own.
    """

    def __init__(
        self,
        *given: Any,
        example: str,
        sections: Mapping[str, Sequence[click.Command]] = NO_SECTIONS,
        **settings: Any,
    ) -> None:
        super().__init__(*given, **settings)
        self.example = example
        self.sections = sections
        for commands in sections.values():
            for one in commands:
                self.add_command(one)

    command_class: type[click.Command] | None = Command

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the whole help."""
        _write_help(self, self.example, ctx, formatter)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the commands under their headings."""
        widest = max(map(len, self.commands))
        known = {one.name for commands in self.sections.values() for one in commands}
        others = [one for one in self.commands.values() if one.name not in known]
        for heading, commands in (*self.sections.items(), ("Commands", others)):
            if commands:
                with formatter.section(heading):
                    formatter.write_dl(
                        [
                            (f"{one.name:{widest}}", one.get_short_help_str())
                            for one in commands
                        ]
                    )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, which is imported at its first use."""
        found = super().get_command(ctx, cmd_name)
        if isinstance(found, LateCommand):
            found = self.commands[cmd_name] = found.load()
        return found

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[CompletionItem]:
        """Return what may follow, without an import of commands."""
        return [
            *(
                CompletionItem(name, help=one.get_short_help_str())
                for name, one in sorted(self.commands.items())
                if name.startswith(incomplete) and not one.hidden
            ),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; one that is left at a question is interrupted."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            click.echo("\nInterrupted.", err=True)
            raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None

    def main(self, *given: Any, **settings: Any) -> Any:
        """Run, with streams whose failures decide nothing, and codes for signals."""
        forget_signals()
        if _COMPLETED in os.environ:  # Click writes bytes then, and nothing is sent
            return super().main(*given, **settings)
        with steady_streams():
            try:
                return super().main(*given, **settings)
            except SystemExit as ending:
                ending.code = with_signal(ending.code)
                raise


def command(
    name: str | None = None, **settings: Any
) -> Callable[[Callable[..., Any]], Command]:
    """Make a `Command` of a function; its name is that of the function."""
    return click.command(name, cls=Command, **settings)


def group(
    name: str | None = None, **settings: Any
) -> Callable[[Callable[..., Any]], Group]:
    """Make a `Group` of a function; its name is that of the function."""
    return click.group(name, cls=Group, **settings)


def option(*declarations: str, **settings: Any) -> Decorator[Any]:
    """Add an `Option` to a command."""
    return click.option(*declarations, cls=Option, **settings)


def together(*decorators: Decorator[Any]) -> Decorator[Any]:
    """Add several options to a command, in this order."""

    def decorate(function: F) -> Any:
        return reduce(lambda decorated, one: one(decorated), decorators[::-1], function)

    return decorate


def options_of(
    of: click.Command, context: click.Context
) -> dict[str, list[tuple[str, str]]]:
    """Return names and help of the options of a command, under their headings."""
    headings: dict[str, list[tuple[str, str]]] = {}
    for parameter in of.get_params(context):
        # Arguments are described in the text.
        if isinstance(parameter, click.Option):
            record = parameter.get_help_record(context) or ("", "")
            heading = getattr(parameter, "heading", _OTHERS)
            headings.setdefault(heading, []).append(record)
    return headings


def typed(ctx: click.Context) -> str:
    """Return the whole command as it was typed, to be pasted into a shell."""
    return str(ctx.meta[_TYPED])


def _write_help(
    of: click.Command,
    example: str,
    context: click.Context,
    formatter: click.HelpFormatter,
) -> None:
    summary, _, rest = inspect.cleandoc(of.help or "").partition("\n\n")
    formatter.write_text(" ".join(summary.split()))
    with formatter.section("Example"):
        for line in example.strip().splitlines():
            formatter.write(f"{'':{formatter.current_indent}}{line}\n")
    formatter.write_paragraph()
    of.format_usage(context, formatter)
    if rest:
        formatter.write_paragraph()
        formatter.write_text(rest)
    of.format_options(context, formatter)
    if of.epilog:
        formatter.write_paragraph()
        formatter.write_text(of.epilog)
