"""The examples that are programs of their own, run as their first lines say."""

import json
import re

import pytest
from running import EXAMPLES, run


TABLE = (EXAMPLES / "README.md").read_text("utf-8")
PROGRAMS = sorted(path.name for path in EXAMPLES.glob("*.py"))


@pytest.mark.exhaustive
async def test_the_tests_of_a_user_pass(tmp_path):
    """With the plugin, in a folder of their own."""
    code, said, _ = await run(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLES / "test_signup.py"),
        *("--rootdir", tmp_path, "-c", "/dev/null"),
        cwd=tmp_path,
    )

    assert code == 0, said
    assert re.search(r"^3 passed", said, re.MULTILINE)


@pytest.mark.exhaustive
async def test_spans_metrics_and_logs_are_lines_of_json(tmp_path):
    """Four spans, the calls below those of the shop; then the metrics; three logs."""
    code, out, err = await run(EXAMPLES / "observability.py", cwd=tmp_path)

    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    *spans, metrics = lines
    assert code == 0, err
    assert [one["name"].rpartition(" ")[2] for one in spans] == [
        *("/v1/public/sms-campaign/send", "ship"),
        *("/v1/public/sms-campaign/send", "ship"),
    ]
    assert [one["parent_id"] for one in spans] == [
        *(spans[1]["context"]["span_id"], None),
        *(spans[3]["context"]["span_id"], None),
    ]
    (scope,) = metrics["resource_metrics"][0]["scope_metrics"]
    assert {one["name"] for one in scope["metrics"]} == {
        "http.client.request.duration",
        "aiooctopush.request_attempts",
        "aiooctopush.calls",
        "aiooctopush.active_calls",
        "aiooctopush.retry_tokens",
    }
    logs = [json.loads(line) for line in err.splitlines()]
    assert [(one["level"], one["octopush_outcome"]) for one in logs] == [
        ("DEBUG", "unknown"),
        ("DEBUG", "presumed"),
        ("WARNING", "refused"),
    ]
    assert "39980001" not in out + err
    assert "Your order" not in out + err


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_example_says_how_it_is_run(name):
    """In its first lines, with its own name, but for what the others import."""
    text = (EXAMPLES / name).read_text("utf-8")
    first = text[: text.index('"""', 5)]

    module = name.removesuffix(".py")
    assert name == "account.py" or re.search(rf"examples[/ ]{module}\b", first)


def test_the_table_of_examples_is_complete():
    """Each file has a row, and each row a file."""
    named = re.findall(r"^\| \[`(\w+\.py)`\]\(\1\)", TABLE, re.MULTILINE)

    assert sorted(named) == PROGRAMS
