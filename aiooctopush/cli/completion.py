"""
``octopush completion``: the script that completes the words of the command in a shell.

Click completes by starting the program at each press of TAB, which imports the whole
package. So the generated script contains commands, options and values itself, and
starts nothing.
"""

from collections.abc import Iterator
from typing import Final

import click
from attrs import field, frozen
from click.shell_completion import CompletionItem

from .terminal.help import command


@frozen(kw_only=True)
class Parameter:
    """
    Possible next words: an option, or an argument.

    Attributes:
        names: As typed, such as ``--text``; none for an argument.
        help: Description of an option.
        takes_value: Whether a word of its own follows it.
        values: The words that may follow; empty if any may.
        files: Whether it is the name of a file.
    """

    names: tuple[str, ...]
    help: str = field(repr=False)  # examples of numbers stand there
    takes_value: bool
    values: tuple[str, ...]
    files: bool


@frozen(kw_only=True)
class Place:
    """
    A position on a command line: after a command, before its arguments.

    Attributes:
        path: The names of the commands so far, each with a space before it.
        commands: Descriptions of its commands, by their names.
        options: Its options.
        arguments: Its arguments.
    """

    path: str
    commands: dict[str, str]
    options: tuple[Parameter, ...]
    arguments: tuple[Parameter, ...]


def places(of: click.Command, above: click.Context | None = None) -> Iterator[Place]:
    """Yield the place after a command, and those after its own commands."""
    context = click.Context(
        of, parent=above, info_name=of.name, **({} if above else of.context_settings)
    )
    group = of if isinstance(of, click.Group) else click.Group()
    shown = {
        name: one
        for name in group.commands
        if (one := group.get_command(context, name)) and not one.hidden
    }
    parameters = [
        _parameter(one, context)
        for one in of.get_params(context)
        if not getattr(one, "hidden", False)
    ]
    yield Place(
        path="".join(f" {name}" for name in context.command_path.split()[1:]),
        commands={name: one.get_short_help_str(72) for name, one in shown.items()},
        options=tuple(one for one in parameters if one.names),
        arguments=tuple(one for one in parameters if not one.names),
    )
    for one in shown.values():
        yield from places(one, context)


def _parameter(of: click.Parameter, context: click.Context) -> Parameter:
    offered: list[CompletionItem] = of.shell_complete(context, "")
    option = of if isinstance(of, click.Option) else None
    return Parameter(
        names=(*of.opts, *of.secondary_opts) if option else (),
        help=(getattr(of, "help", "") or "").partition(". ")[0].rstrip("."),
        takes_value=not (option and option.is_flag),
        values=tuple(one.value for one in offered if one.type == "plain"),
        files=any(one.type in {"file", "dir"} for one in offered),
    )


# --- bash, and zsh which reads the same -----------------------------------------------

_BASH: Final = """\
_octopush() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
    local at="" commands="" options="" words="" i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$at ${{COMP_WORDS[i]}}" in
            {paths}) at="$at ${{COMP_WORDS[i]}}" ;;
        esac
    done
    # --name=value comes as three words.
    if [[ $before == "=" ]]; then before=${{COMP_WORDS[COMP_CWORD-2]}}; fi
    if [[ $cur == "=" ]]; then cur=""; fi
    case "$at $before" in
{values}
        *)
            case "$at" in
{places}
            esac
            if [[ $cur == -* ]]; then words=$options; else words=$commands; fi
            ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _octopush octopush
"""

_ZSH: Final = """\
autoload -U +X compinit bashcompinit
(( $+functions[compdef] )) || compinit -D
bashcompinit
"""


def bash(known: list[Place]) -> str:
    """Return the script for bash. Words without suggestions are completed as files."""
    values: dict[str, list[str]] = {}
    for place in known:
        for one in place.options:
            if one.takes_value:
                words = "return" if not one.values else f'words="{_words(one.values)}"'
                names = [f'"{place.path} {name}"' for name in one.names]
                values.setdefault(words, []).extend(names)
    return _BASH.format(
        paths=" | ".join(f'"{place.path}"' for place in known if place.path),
        values="\n".join(
            f"        {' | '.join(names)}) {words} ;;"
            for words, names in values.items()
        ),
        places="\n".join(
            f'                "{place.path}") '
            f'commands="{_words(_first_words(place))}"; '
            f'options="{_words(_option_names(place))}" ;;'
            for place in known
        ),
    )


def zsh(known: list[Place]) -> str:
    """Return the script for zsh, which runs the one for bash."""
    return _ZSH + bash(known)


def _words(words: tuple[str, ...]) -> str:
    return " ".join(words)


def _first_words(place: Place) -> tuple[str, ...]:
    """Return the possible arguments at a position."""
    return (*place.commands, *(word for one in place.arguments for word in one.values))


def _option_names(place: Place) -> tuple[str, ...]:
    return tuple(name for one in place.options for name in one.names)


# --- fish -----------------------------------------------------------------------------

_FISH: Final = """\
function __octopush_at
    set -l at ''
    for word in (commandline -opc)[2..-1]
        if contains -- "$at $word" {paths}
            set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
complete -c octopush -f
"""


def fish(known: list[Place]) -> str:
    """Return the script for fish, which shows the meaning of each word."""
    lines = [_FISH.format(paths=" ".join(_quoted(one.path) for one in known[1:]))]
    for place in known:
        here = f'complete -c octopush -n "__octopush_at {_quoted(place.path)}"'
        lines += [
            f"{here} -a {name} -d {_quoted(words)}\n"
            for name, words in place.commands.items()
        ]
        for one in (*place.options, *place.arguments):
            offered = f" -a {_quoted(_words(one.values))}" if one.values else ""
            # An argument is a word anyway; of an option fish asks for its value.
            needs = " -r" * bool(one.names and one.takes_value)
            lines.append(
                f"{here}{_fish_names(one.names)}{needs}{' -F' * one.files}{offered}"
                f"{f' -d {_quoted(one.help)}' * bool(one.help)}\n"
            )
    return "".join(lines)


def _fish_names(names: tuple[str, ...]) -> str:
    return "".join(
        f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}"
        for name in names
    )


def _quoted(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_SCRIPTS: Final = {"bash": bash, "zsh": zsh, "fish": fish}


@command(example="octopush completion bash > octopush.bash && source octopush.bash")
@click.argument("shell", type=click.Choice(tuple(_SCRIPTS)))
@click.pass_context
def completion(ctx: click.Context, /, *, shell: str) -> None:
    """
    Print a script that completes the words of this command in a shell.

    The script holds all commands, options and values. TAB starts no program, and is
    immediate. Print it again after an upgrade.
    """
    click.echo(_SCRIPTS[shell](list(places(ctx.find_root().command))), nl=False)
