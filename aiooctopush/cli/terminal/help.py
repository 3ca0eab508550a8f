"""Help that starts with what a command does, and an example to paste."""

import inspect
import shlex
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

import click

from .result import Result
from .streams import steady_streams


_OTHERS: Final = "Other"
_TYPED: Final = "aiooctopush.typed"

NO_SECTIONS: Final[Mapping[str, Collection[str]]] = MappingProxyType({})
"""One heading for all commands."""


class Option(click.Option):
    """An option that stands under a heading of the help."""

    def __init__(
        self, *declarations: Any, heading: str = _OTHERS, **settings: Any
    ) -> None:
        super().__init__(*declarations, **settings)
        self.heading = heading


def _write_help(
    command: click.Command,
    example: str,
    context: click.Context,
    formatter: click.HelpFormatter,
) -> None:
    summary, _, rest = inspect.cleandoc(command.help or "").partition("\n\n")
    formatter.write_text(" ".join(summary.split()))
    with formatter.section("Example"):
        for line in example.strip().splitlines():
            formatter.write(f"{'':{formatter.current_indent}}{line}\n")
    formatter.write_paragraph()
    command.format_usage(context, formatter)
    if rest:
        formatter.write_paragraph()
        formatter.write_text(rest)
    command.format_options(context, formatter)
    command.format_epilog(context, formatter)


class Command(click.Command):
    """
    A command with an example, and its options under headings.

    Args:
        example: How it looks.
        result: The record that it shows; its JSON document is part of the help.
    """

    def __init__(
        self,
        *given: Any,
        example: str,
        result: type[Result] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(*given, **settings)
        self._example = example
        if result is not None:
            parts = (self.epilog, result.epilog())
            self.epilog = "\n\n".join(filter(None, parts))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line, and remember it as it was typed."""
        ctx.meta[_TYPED] = f"{ctx.command_path} {shlex.join(args)}"
        return super().parse_args(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the whole help."""
        _write_help(self, self._example, ctx, formatter)

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the options under their headings, in the order of their appearance."""
        headings: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            # An argument is told of in the text.
            if isinstance(parameter, click.Option):
                record = parameter.get_help_record(ctx) or ("", "")
                heading = getattr(parameter, "heading", _OTHERS)
                headings.setdefault(heading, []).append(record)
        for heading, records in headings.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def typed(ctx: click.Context) -> str:
    """The whole command as it was typed, to be pasted into a shell."""
    return str(ctx.meta[_TYPED])


class Group(click.Group):
    """
    A command of commands.

    Args:
        example: How it looks.
        sections: Headings of its help, and the names of the commands under each;
            those under none stand at the end.
    """

    def __init__(
        self,
        *given: Any,
        example: str,
        sections: Mapping[str, Collection[str]] = NO_SECTIONS,
        **settings: Any,
    ) -> None:
        super().__init__(*given, **settings)
        self._example = example
        self._sections = sections

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the whole help."""
        _write_help(self, self._example, ctx, formatter)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """In the order in which they were added, which is that of their use."""
        return list(self.commands)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the commands under their headings."""
        left = {name: self.commands[name] for name in self.list_commands(ctx)}
        for heading, names in (*self._sections.items(), ("Commands", tuple(left))):
            found = {name: left.pop(name) for name in names if name in left}
            if found:
                widest = max(map(len, self.commands))
                with formatter.section(heading):
                    formatter.write_dl(
                        [
                            (f"{name:{widest}}", command.get_short_help_str())
                            for name, command in found.items()
                        ]
                    )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the epilogue without indenting it."""
        formatter.write_paragraph()
        formatter.write_text(self.epilog or "")

    def main(self, *given: Any, **settings: Any) -> Any:
        """Run, with standard streams whose failures decide nothing."""
        with steady_streams():
            return super().main(*given, **settings)
