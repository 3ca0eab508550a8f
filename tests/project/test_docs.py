"""What stands in the README and in docs/ runs as it stands; see `pages`."""

import ast
import asyncio
import contextlib
import inspect
import io
import os
import re
import shlex
import shutil
import sys
from collections import Counter
from contextlib import redirect_stdout
from decimal import Decimal
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path
from textwrap import dedent

import click
import pages
import pytest
from click.testing import CliRunner

from aiooctopush import OctopushSession
from aiooctopush._clock import SystemClock
from aiooctopush.cli.app import octopush as command
from aiooctopush.cli.targets.gateway import Surroundings
from aiooctopush.sandbox import (
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxTransport,
    VirtualClock,
)
from aiooctopush.sandbox.faults import KINDS


ROOT = Path(__file__).parents[2]
# A program that has a test of its own, with processes: test_tutorial.py.
TUTORIAL = ROOT / "docs" / "tutorial.md"
PAGES = [one for one in pages.paths(ROOT) if one != TUTORIAL]
# Its commands are run by CI, word for word; here only their options are looked at.
README = ROOT / "README.md"
# They end with Ctrl-C.
SERVERS = {("sandbox",), ("webhooks", "serve")}

pytest_plugins = ["pytester"]


class World:
    """
    What the blocks of a page find: a session, the gateway behind it, and files.

    Attributes:
        gateway: A sandbox with credit for a million, in virtual time.
        faults: What goes wrong there; nothing at first.
        names: Of the page, given anew for each block.
    """

    def __init__(self, page, runner):
        self.gateway = Gateway(
            GatewaySettings(credit=Decimal(1_000_000)), clock=VirtualClock()
        )
        self.gateway.lists["customers"] = ["+33639980001"]
        self.faults = FaultPlan()
        self._page = page
        self._runner = runner
        self._octopush = self.session()
        self.names = {"__name__": "page"}

    def session(self, **given):
        """A session over the sandbox."""
        transport = SandboxTransport(self.gateway, self.faults)
        given = {"transport": transport, "clock": self.gateway.clock, **given}
        return OctopushSession("me@example.org", "key", **given)

    def close(self):
        """Close the session of the page."""
        self._runner.run(self._octopush.close())

    def run_all(self, text):
        """Run a page from its top."""
        for item in pages.read(text):
            self._run(item)

    def _run(self, item):
        if item.kind in {"sh", "console"}:
            self._type(item)
        elif item.kind == "then":
            for line in item.code.strip().splitlines():
                assert self._evaluate(line.strip(), item, "eval"), line
        elif item.kind == "given":
            self._evaluate(dedent(item.code), item, "exec")
        elif item.file:
            path = Path(item.file)
            path.parent.mkdir(exist_ok=True)
            path.write_text(item.code, "utf-8")
        elif item.kind == "python" and not item.reason:
            with redirect_stdout(io.StringIO()) as printed:
                self._evaluate(item.code, item, "exec")
            if item.output is not None:
                compare(printed.getvalue(), item.output)

    def _evaluate(self, code, item, mode):
        place = f"{self._page.relative_to(ROOT)}:{item.line}"
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        # What a block has closed or replaced is there again for the next.
        self.names |= {
            "octopush": self._octopush,
            "gateway": self.gateway,
            "sent_log": self.gateway.sent_log,
            "faults": self.faults,
        }
        result = eval(compile(code, place, mode, flags), self.names)  # noqa: S307
        return self._runner.run(result) if inspect.iscoroutine(result) else result

    def _type(self, item):
        for line, expected in item.commands:
            # Other programs are not ours to test, nor what a shell does with output.
            words = shlex.split(line.partition(" > ")[0], comments=True)
            if words[:1] != ["octopush"]:
                continue
            found, options = find(words[1:])
            if item.reason or self._page == README or found in SERVERS:
                continue
            if "--sandbox" in options and "--sandbox" not in words:
                words.append("--sandbox")
            around = Surroundings(gateway=self.gateway, clock=self.gateway.clock)
            result = CliRunner().invoke(
                command, words[1:], obj=around, env={"COLUMNS": "88"}
            )
            if item.kind == "console":
                compare(result.output, expected)
            else:
                assert result.exit_code == 0, result.output


def find(words):
    """Parse a command line; return which command it is, and the options it knows."""
    # Click keeps the help option that it makes first, and with it how it is asked for.
    settings = command.context_settings
    found, context = command, click.Context(command, info_name="octopush", **settings)
    path = ()
    while isinstance(found, click.Group) and words:
        path += (words[0],)
        _, found, words = found.resolve_command(context, list(words))
        context = click.Context(found, info_name=path[-1], parent=context)
    found.make_context(path[-1], list(words), parent=context.parent)
    return path, {one for option in found.params for one in option.opts}


def compare(actual, expected):
    """Fail with the difference, unless they are the same but for what ``...`` hides."""
    actual, expected = (
        "".join(f"{line.rstrip()}\n" for line in text.rstrip().splitlines())
        for text in (actual, expected)
    )
    if not OutputChecker().check_output(expected, actual, ELLIPSIS):
        assert actual == expected


@pytest.fixture
def world(monkeypatch, pytester):
    """Make the world of a page, in a folder of its own with the examples in it."""

    async def sleep(_, seconds):
        await asyncio.sleep(0)

    monkeypatch.setattr(SystemClock, "sleep", sleep)
    here = pytester.path  # where we are already
    shutil.copytree(ROOT / "examples", here / "examples")
    for folder in (here / "examples", here):
        monkeypatch.syspath_prepend(str(folder))
    with asyncio.Runner() as runner, contextlib.ExitStack() as stack:

        def make(page):
            made = World(page, runner)
            stack.callback(made.close)
            real = OctopushSession.from_env

            def from_env(**given):
                # A page that sets this has a gateway of its own.
                served = "OCTOPUSH_BASE_URL" in os.environ
                return real(**given) if served else made.session(**given)

            monkeypatch.setattr(OctopushSession, "from_env", from_env)
            return made

        yield make
    # What lies in that folder was imported for this page alone.
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(here)):
            del sys.modules[name]


@pytest.mark.timeout(60)  # 3,000 people under coverage on a busy machine
@pytest.mark.parametrize("page", PAGES, ids=lambda one: str(one.relative_to(ROOT)))
def test_a_page_runs_as_it_stands(page, world, pytester):
    """From its top, and with what it shows as output; files of tests pass as well."""
    world(page).run_all(page.read_text("utf-8"))

    if list(Path().glob("test_*.py")):
        assert pytester.runpytest_inprocess(*PYTEST).ret == 0


def test_the_readme_sends_what_it_says(world):
    """One, one that was unknown, and the file of 3,000."""
    made = world(README)

    made.run_all(README.read_text("utf-8"))

    assert made.gateway.sent_log.numbers().total() == 3002


def test_the_readme_shows_what_its_first_command_prints(monkeypatch):
    """What stands below it is what a newcomer compares with."""
    found = re.search(
        r"^<!-- bulk-command -->\n```sh\n(.*?)```\n.*?```text\n(.*?)```",
        README.read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    typed = found[1].replace("\\\n", " ").rpartition("&&")[2].split(maxsplit=1)
    monkeypatch.chdir(ROOT)

    assert typed[0] == "octopush"
    result = CliRunner().invoke(command, shlex.split(typed[1]))

    assert result.exit_code == 0
    compare(result.stdout, found[2])


# As in our own settings, whose file is out of reach of these.
PYTEST = (
    *("-p", "no:cacheprovider", "-p", "no:xdist", "-W", "error"),
    *("-o", "asyncio_default_fixture_loop_scope=function", "-o", "asyncio_mode=auto"),
)


def test_what_is_not_run_is_counted():
    """Each has a reason; whoever adds one changes this number."""
    reasons = [
        item.reason
        for path in pages.paths(ROOT)
        for item in pages.read(path.read_text("utf-8"))
        if item.reason
    ]

    assert Counter(reasons) == {
        "it asks for a yes": 1,
        "it takes PostgreSQL and RabbitMQ": 5,
        "examples/fleet/outbox.py is the whole program, and that is": 1,
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda one: str(one.relative_to(ROOT)))
def test_no_fence_is_missed(page):
    """Every fence of Python or of commands is found, however it is written."""
    text = page.read_text("utf-8")
    found = [one.kind for one in pages.read(text)]

    for language in ("python", "console", "sh"):
        assert found.count(language) == text.count(f"```{language}")


@pytest.mark.parametrize("page", PAGES, ids=lambda one: str(one.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(page):
    """On GitHub as on the site; whether an anchor exists, Sphinx looks."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))

    assert [one for one in links if not (page.parent / one).exists()] == []


# --- the collector itself -------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "words"),
    [
        pytest.param("```python\nnonsense\n```", "nonsense", id="code"),
        pytest.param("```python\nawait octopush.no()\n```", "no", id="await"),
        pytest.param(
            "```python\nprint(1)\n```\n\n```text\n2\n```", "'1", id="another output"
        ),
        pytest.param(
            "```python\nsent_log\n```\n<!-- then: len(sent_log) == 1 -->",
            "len",
            id="sent_log",
        ),
        pytest.param("```sh\noctopush bulk --nope x\n```", "nope", id="option"),
        pytest.param("```sh\noctopush nope\n```", "nope", id="command"),
        pytest.param("```sh\noctopush preview --text ''\n```", "text", id="exit code"),
        pytest.param(
            "```console\n$ octopush runs no.db\nnone\n```", "no.db", id="shown"
        ),
        pytest.param(
            "<!-- not run: it must -->\n\n```sh\noctopush bulk --nope\n```",
            "nope",
            id="option of a command that is not run",
        ),
        pytest.param(
            "```python\nfrom aiooctopush import Nope\n```", "Nope", id="import"
        ),
    ],
)
def test_a_broken_page_fails(page, words, world):
    """Whatever is wrong with it."""
    made = world(ROOT / "docs" / "broken.md")

    with pytest.raises((Exception, SystemExit), match=words):
        made.run_all(page)


def test_a_good_page_passes(world):
    """Prepared by a comment, and judged by the sent log."""
    made = world(ROOT / "docs" / "good.md")
    page = """
<!-- given
    faults.fail_next("rst_after_commit")
    number = "+33639980001"
-->
```python
sent = await octopush.sms.send(
    text="Hello", recipients=[number], sender="Acme", purpose="alert"
)
print(sent.outcome, sent.request_id)
```

```text
presumed ...
```
<!-- then: sent_log.times(number) == 1 -->

<!-- not run: it
cannot -->

```python
1 / 0
```

```console
$ octopush preview --text Hello
...
  Parts ...
$ other program
```
"""

    made.run_all(page)

    assert len(made.gateway.sent_log) == 1


def test_the_readme_is_read_in_a_few_minutes():
    """At most 900 words, those of its code included."""
    assert len((ROOT / "README.md").read_text().split()) <= 900


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "docs/layers.md"])
def test_the_number_of_faults_is_that_of_the_table(page):
    """What a page counts is what the sandbox can play."""
    found = re.findall(
        r"(\d+) (?:injectable|kinds of) faults", (ROOT / page).read_text("utf-8")
    )

    assert found == [str(len(KINDS))]
