"""
Directives whose content is data of the package, so that it cannot be out of date.

``octopush-outcomes``, ``-codes``, ``-retry`` and ``-faults`` make tables or lists;
``octopush-commands`` lists the commands, and ``octopush-command NAME`` shows one.
"""

import inspect
import re
from collections.abc import Iterator

import attrs
import click
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from aiooctopush import Outcome, RetryPolicy, Timeouts
from aiooctopush.cli.app import octopush
from aiooctopush.cli.terminal.help import Command, Group, options_of
from aiooctopush.errors import GATEWAY_CODES, Backoff, GatewayCode
from aiooctopush.sandbox.faults import KINDS, Commit


# --- tables ---------------------------------------------------------------------------

Row = tuple[nodes.Node, ...]

_TYPED = re.compile(r"(`+[^`]+`+|--[a-z][a-z-]*)")


def literal(words: str) -> nodes.Node:
    """Words that are typed as they stand."""
    return nodes.literal(words, words)


def plain(words: str) -> nodes.Node:
    """Words; options, and what stands between backticks, are typed as they stand."""
    made = nodes.inline(words, "")
    for place, part in enumerate(_TYPED.split(words)):
        made += literal(part.strip("`")) if place % 2 else nodes.Text(part)
    return made


def table(headings: tuple[str, ...], rows: list[Row]) -> nodes.table:
    """A table whose first column does not wrap."""
    made = nodes.table(classes=["plain", "docutils"])
    group = nodes.tgroup(cols=len(headings))
    made += group
    group += [nodes.colspec(colwidth=1) for _ in headings]
    head, body = nodes.thead(), nodes.tbody()
    group += [head, body]
    head += _row(tuple(plain(one) for one in headings))
    body += [_row(one) for one in rows]
    return made


def _row(cells: Row) -> nodes.row:
    return nodes.row(
        "", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells)
    )


_TRIED_AGAIN = {
    Backoff.NEVER: "no",
    Backoff.FAST: "yes",
    Backoff.CAREFUL: "under the same id",
    Backoff.THROTTLE: "after a pause",
}


def tried_again(code: GatewayCode) -> str:
    """Whether an answer with this code is tried again, in words."""
    return _TRIED_AGAIN[code.backoff]


class Codes(SphinxDirective):
    """The codes of the gateway."""

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        rows: list[Row] = [
            (
                literal(str(number)),
                plain(code.meaning),
                literal(code.error.__name__),
                plain(tried_again(code)),
            )
            for number, code in sorted(GATEWAY_CODES.items())
        ]
        return [table(("code", "meaning", "raised as", "tried again"), rows)]


_EXECUTED = {
    Commit.NEVER: "no, it never arrived",
    Commit.RECEIVED: "no",
    Commit.BEFORE: "yes",
    Commit.LATE: "yes, later",
}


class Faults(SphinxDirective):
    """What the sandbox can do wrong."""

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        rows: list[Row] = [
            (
                literal(one.kind),
                plain(one.meets),
                plain(_EXECUTED[one.commits]),
            )
            for one in KINDS.values()
        ]
        return [table(("kind", "the client meets", "message executed"), rows)]


class Outcomes(SphinxDirective):
    """What may become of a message, in the words of the code."""

    def run(self) -> list[nodes.Node]:
        """Make the list."""
        source = inspect.getsource(Outcome)
        made = nodes.definition_list()
        for one in Outcome:
            words = source.partition(f'"{one}"')[2].split('"""')[1]
            made += _definition(literal(one), " ".join(words.split()))
        return [made]


class Policy(SphinxDirective):
    """The figures of retries and time limits."""

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        rows: list[Row] = [
            (literal(f"{kind.__name__}.{one.name}"), literal(repr(one.default)))
            for kind in (RetryPolicy, Timeouts)
            for one in attrs.fields(kind)
        ]
        return [table(("field", "default"), rows)]


# --- the command line -----------------------------------------------------------------


class Commands(SphinxDirective):
    """The help of `octopush` itself, with a link to the page of each command."""

    def run(self) -> list[nodes.Node]:
        """Make the paragraphs and the lists."""
        context = click.Context(octopush, info_name="octopush")
        return [*_parts(octopush, context), *_overview(octopush)]


class OneCommand(SphinxDirective):
    """A command, with its options under their headings, and the commands below it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the sections."""
        root = click.Context(octopush, info_name="octopush")
        (name,) = self.arguments
        _, command, _ = octopush.resolve_command(root, [name])
        if command is None:
            raise self.error(f"no command {name}")
        context = click.Context(command, info_name=name, parent=root)
        made = _parts(command, context)
        if isinstance(command, click.Group):
            made += self._sections(command, context)
        return made

    def _sections(
        self, group: click.Group, context: click.Context
    ) -> Iterator[nodes.section]:
        for name in group.list_commands(context):
            command = group.commands[name]
            inner = click.Context(command, info_name=name, parent=context)
            title = inner.command_path
            made = nodes.section(ids=[title.replace(" ", "-")], names=[title])
            self.state.document.note_explicit_target(made)
            made += nodes.title(title, title)
            made += _parts(command, inner)
            yield made


def _parts(command: click.Command, context: click.Context) -> list[nodes.Node]:
    """What the help of a command says."""
    summary, _, rest = inspect.cleandoc(command.help or "").partition("\n\n")
    made = _paragraphs(summary)
    if isinstance(command, Command | Group):
        made.append(_block(command.example, "sh"))
    usage = " ".join(command.collect_usage_pieces(context))
    made.append(_block(f"{context.command_path} {usage}", "text"))
    made += _paragraphs(rest)
    for heading, records in options_of(command, context).items():
        terms = nodes.definition_list()
        terms += [
            _definition(literal(name), words)
            for name, words in records
            if "--help" not in name  # which every command has
        ]
        if terms.children:
            made += [nodes.rubric(heading, heading), terms]
    return made + _paragraphs(inspect.cleandoc(command.epilog or ""))


def _overview(group: Group) -> Iterator[nodes.Node]:
    """The commands under the headings of the help, each with a link to its page."""
    for heading, commands in group.sections.items():
        yield nodes.rubric(heading, heading)
        listed = nodes.bullet_list()
        for one in commands:
            # Without a page of that name, the build fails.
            link = pending_xref(
                "",
                literal(str(one.name)),
                refdomain="std",
                reftype="doc",
                reftarget=f"/reference/cli/{one.name}",
                refexplicit=True,
                refwarn=True,
            )
            short = plain(f": {one.get_short_help_str()}")
            listed += nodes.list_item("", nodes.paragraph("", "", link, short))
        yield listed


def _definition(term: nodes.Node, words: str) -> nodes.definition_list_item:
    return nodes.definition_list_item(
        "",
        nodes.term("", "", term),
        nodes.definition("", nodes.paragraph("", "", plain(words))),
    )


def _block(text: str, language: str) -> nodes.literal_block:
    text = text.strip("\n")
    return nodes.literal_block(text, text, language=language)


def _paragraphs(text: str) -> list[nodes.Node]:
    """Paragraphs of a help text; one that begins with a backspace keeps its lines."""
    made: list[nodes.Node] = []
    for one in filter(None, text.split("\n\n")):
        keeps_lines = one.startswith("\b")
        words = one.lstrip("\b\n") if keeps_lines else " ".join(one.split())
        made.append(
            _block(words, "text")
            if keeps_lines
            else nodes.paragraph("", "", plain(words))
        )
    return made


def setup(app: Sphinx) -> ExtensionMetadata:
    """Add the directives."""
    app.add_directive("octopush-codes", Codes)
    app.add_directive("octopush-faults", Faults)
    app.add_directive("octopush-outcomes", Outcomes)
    app.add_directive("octopush-retry", Policy)
    app.add_directive("octopush-commands", Commands)
    app.add_directive("octopush-command", OneCommand)
    return {"parallel_read_safe": True}
