"""What docs/observability.md shows prints what it says, and its tables are complete."""

import logging
import re

import pytest
from fakes import MESSAGE, ScriptedTransport, refusal, session_over
from running import EXAMPLES, run

from aiooctopush import InvalidRequestError


PAGE = (EXAMPLES.parent / "docs" / "observability.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
HEADINGS = {"spans": "### Spans", "metrics": "### Metrics", "logs": "## Logs"}


def named(section, prefix):
    """First cells of the tables of a section that begin like that."""
    text = PAGE.partition(f"{HEADINGS[section]}\n")[2]
    text = re.split(r"^##", text, maxsplit=1, flags=re.MULTILINE)[0]
    cells = re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE)
    return {name for one in cells for name in re.findall(rf"`({prefix}[\w.]*)`", one)}


@pytest.mark.exhaustive
@pytest.mark.parametrize("number", range(4))
async def test_a_program_of_the_page_prints_what_it_says(tmp_path, number):
    """Each runs alone, as whoever copies it runs it."""
    program, expected = BLOCKS[number]

    code, said, problem = await run("-c", program, cwd=tmp_path)

    assert (code, said) == (0, expected), problem


def test_no_program_of_the_page_is_left_out():
    """Each has what it prints below it."""
    assert PAGE.count("```python") == len(BLOCKS) == 4


def test_the_tables_of_opentelemetry_name_what_is_emitted():
    """No more and no less; see test_opentelemetry, which holds the values."""
    assert named("metrics", "") == {
        "http.client.request.duration",
        "aiooctopush.request_attempts",
        "aiooctopush.calls",
        "aiooctopush.active_calls",
        "aiooctopush.retry_tokens",
        "aiooctopush.bulk.recipients",
    }
    assert named("spans", "") == {
        "http.request.method",
        "url.template",
        "url.full",
        "server.address",
        "server.port",
        "http.response.status_code",
        "http.request.resend_count",
        "error.type",
        "aiooctopush.outcome",
        "aiooctopush.maybe_sent",
        "aiooctopush.attempts",
        "aiooctopush.request_id",
        "aiooctopush.code",
        "aiooctopush.attempt",
        "aiooctopush.elapsed",
        "aiooctopush.delay",
    }


async def test_the_table_of_logs_names_every_key(caplog):
    """As a line about a try has them."""
    caplog.set_level(logging.DEBUG, "aiooctopush")
    async with session_over(ScriptedTransport(refusal(121))) as octopush:
        with pytest.raises(InvalidRequestError):
            await octopush.sms.send(**MESSAGE)

    (record,) = caplog.records
    assert named("logs", "octopush_") == {
        name for name in vars(record) if name.startswith("octopush_")
    }
