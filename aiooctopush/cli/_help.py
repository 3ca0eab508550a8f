"""Help that starts with what a command does, and an example to paste."""

import inspect
import sys
from typing import Any, Final

import click

from ._console import harden


_OTHERS: Final = "Other"


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
    formatter.write_paragraph()
    formatter.write_text(rest)
    command.format_options(context, formatter)
    command.format_epilog(context, formatter)


class Command(click.Command):
    """A command with an example, and its options under headings."""

    def __init__(self, *given: Any, example: str, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self._example = example

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


class Group(click.Group):
    """The command of commands."""

    def __init__(self, *given: Any, example: str, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self._example = example

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the whole help."""
        _write_help(self, self._example, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the epilogue without indenting it."""
        formatter.write_paragraph()
        formatter.write_text(self.epilog or "")

    def main(self, *given: Any, **settings: Any) -> Any:
        """Run, on streams that can write every character somehow."""
        harden(sys.stdout)
        harden(sys.stderr)
        return super().main(*given, **settings)
