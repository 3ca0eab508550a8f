"""The benchmarks' own logic: goals, the guard, the judge of a soak, pictures, pages."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from runpy import run_path

import pytest


pytestmark = pytest.mark.exhaustive

FOLDER = Path(__file__).parents[2] / "benchmarks"
DOCS = FOLDER.parent / "docs"
sys.path.append(str(FOLDER))


import bench  # noqa: E402 - after the path that they stand in
import bench_chart  # noqa: E402
import bench_figures  # noqa: E402
import chaos_page  # noqa: E402
import fleet_page  # noqa: E402
import server  # noqa: E402
import soak_judge  # noqa: E402
from bench_figures import Figure  # noqa: E402
from soak_judge import Sample, Soak  # noqa: E402


def figure(value, *, goal=1.15, **more):
    """A ratio."""
    given = {"name": "single", "title": "a send", "ours": 1, "unit": "µs", **more}
    return Figure(value=value, goal=goal, **given)


# --- figures --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "higher", "met"),
    [
        (1.15, False, True),
        (1.16, False, False),
        (1.15, True, True),
        (1.14, True, False),
    ],
)
def test_a_goal_may_be_touched(value, higher, met):
    """A goal is a bound from above, or from below where more is better."""
    assert figure(value, higher=higher).met is met


def test_what_has_no_goal_meets_none():
    """A figure without a goal is neither met nor missed."""
    assert figure(9.0, goal=None).met is None


def test_a_figure_is_the_median_of_its_samples():
    """One slow process out of five moves neither the value nor, by much, its spread."""
    one = bench_figures.figure(
        "x", "x", samples=[1.0, 1.1, 1.2, 1.3, 9.0], ours=1, unit="µs"
    )

    assert one.value == 1.2
    assert one.spread > 0.1


def test_figures_survive_the_file():
    """What is written down is what is read again; unknown fields are passed over."""
    plain = {
        "name": "x",
        "title": "t",
        "ours": 1.0,
        "unit": "µs",
        "value": 2.0,
        "goal": None,
        "of_a_later_version": 1,
    }

    assert bench_figures.read([plain]) == {
        "x": Figure(name="x", title="t", ours=1.0, unit="µs", value=2.0)
    }


def test_the_table_says_what_is_missed():
    """Each line has its goal, and a missed one stands out."""
    lines = bench_figures.table([figure(1.1), figure(1.5)]).splitlines()

    assert [line.split()[-4:] for line in lines[2:]] == [
        ["≤", "1.15", "×", "yes"],
        ["≤", "1.15", "×", "NO"],
    ]
    assert len({line.index("≤") for line in lines[2:]}) == 1


def test_the_page_has_a_table_for_each_group():
    """A page has no room for one long table; each figure is in one of some."""
    figures = [
        figure(0.5, name="size_twilio", title="an install", beside="twilio"),
        figure(1.5, name="single_asyncio", title="CPU of a single send"),
    ]

    assert bench_figures.page_tables(figures) == (
        "### Single sends\n\n"
        "| measure | aiooctopush | other | value | goal |\n"
        "| :--- | ---: | ---: | ---: | ---: |\n"
        "| CPU of a single send | 1.00 µs |  | 1.50 × | **≤ 1.15 ×, missed** |\n\n"
        "### Start and installation\n\n"
        "| measure | aiooctopush | other | value | goal |\n"
        "| :--- | ---: | ---: | ---: | ---: |\n"
        "| an install, compared with *twilio* | 1.00 µs |  | 0.50 × | ≤ 1.15 × |"
    )


def test_a_figure_without_a_group_is_an_error():
    """Otherwise the page would leave it out, and nobody would notice."""
    with pytest.raises(ValueError, match="no table shows new_one: add them to GROUPS"):
        bench_figures.page_tables([figure(0.5, name="new_one", title="new")])


def test_every_measured_figure_is_in_one_group():
    """None is left out of the page."""
    measured = json.loads((FOLDER / "results.json").read_text())["figures"]

    for one in measured:
        groups = [
            title
            for title, prefixes in bench_figures.GROUPS.items()
            if one["name"].startswith(prefixes)
        ]
        assert len(groups) == 1, one["name"]


# --- the guard ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "committed", "words"),
    [
        (1.21, 1.18, "1.21 × now, 1.18 × committed: fine"),
        (1.40, 1.18, "1.40 × now, 1.18 × committed: REGRESSION?"),
        (1.00, 1.18, "1.00 × now, 1.18 × committed: better"),
        (1.10, 1.01, "1.10 × now, 1.01 × committed: fine"),
    ],
)
def test_the_guard_asks_about_what_is_worse(now, committed, words):
    """Within a tenth it is fine; beyond, it is asked about."""
    assert bench_figures.verdict(figure(now), figure(committed)) == words


def test_less_is_worse_where_more_is_better():
    """A rate that fell is a regression, one that rose is not."""
    before = figure(0.8, higher=True)

    assert bench_figures.verdict(figure(0.6, higher=True), before).endswith("?")
    assert bench_figures.verdict(figure(1.0, higher=True), before).endswith("better")


def test_a_noisy_run_is_no_regression():
    """What differs by less than the spread of both runs says nothing."""
    now = figure(1.40, spread=0.15)

    assert bench_figures.verdict(now, figure(1.18, spread=0.05)).endswith("fine")


def test_what_is_new_is_compared_with_nothing():
    """A figure that was never committed is told as such."""
    assert bench_figures.verdict(figure(1.2), None) == "1.20 × now, none committed: new"


def test_the_guard_counts_what_it_asks_about():
    """Absolute figures are left out, and the last line says how many may be worse."""
    committed = {"single": figure(1.0)}

    told = bench_figures.guard([figure(2.0), figure(5.0, guarded=False)], committed)

    assert told.splitlines() == [
        "single  2.00 × now, 1.00 × committed: REGRESSION?",
        "1 compared with benchmarks/results.json: 1 may be worse, see above",
    ]


# --- the server -----------------------------------------------------------------------


def test_the_server_answers_each_client_in_its_own_shape():
    """Ours gets a ticket for as many as it named, the others their message."""
    body = b'{"recipients":[{"phone_number":"+1"},{"phone_number":"+2"}]}'
    answers = [
        json.loads(server.answer_to(request).partition(b"\r\n\r\n")[2])
        for request in (
            b"POST /v1/public/sms-campaign/send HTTP/1.1\r\n\r\n" + body,
            b"POST /2010-04-01/Accounts/AC/Messages.json HTTP/1.1\r\n\r\n",
            b"POST /v2/messages HTTP/1.1\r\n\r\n",
            b"GET /cpu HTTP/1.1\r\n\r\n",
        )
    ]

    assert answers[0]["number_of_contacts"] == 2
    assert answers[1]["status"] == "queued"
    assert answers[2]["data"]["record_type"] == "message"
    assert answers[3].keys() == {"cpu"}


# --- the picture ----------------------------------------------------------------------


def test_a_picture_has_a_bar_for_each():
    """Ours has a colour of its own, and each bar is as long as its figure."""
    picture = bench_chart.draw(
        "A <title>", "of a test", [("httpx", 400.0), ("aiooctopush", 100.0)], "µs"
    )

    root = ET.fromstring(picture)  # noqa: S314 - our own
    bars = [one for one in root.iter() if one.get("class") in {"ours", "other"}]
    assert [(one.get("class"), one.get("width")) for one in bars] == [
        ("other", "340.0"),
        ("ours", "85.0"),
    ]


def results():
    """What a full run writes down, with made-up figures."""
    rows = [
        ("single_asyncio", "bare aiohttp POST", 120.0, 80.0, "µs", 1.5),
        ("single_asyncio_twilio", "twilio", 120.0, 400.0, "µs", 0.3),
        ("bulk", "by hand", 100.0, 200.0, "k/s", 0.5),
        ("bulk_ledger", "by hand", 80.0, 200.0, "k/s", 0.4),
        ("size_twilio", "twilio 9.13.0", 12.9, 34.4, "MiB", 0.375),
    ]
    return {
        "machine": {"processor": "A", "cores": 2, "system": "Linux", "python": "3.11"},
        "versions": {"aiohttp": "3.14.1"},
        "left_out": {"vonage": "is not asynchronous"},
        "figures": [
            {
                "name": name,
                "title": f"the {name}",
                "beside": beside,
                "ours": ours,
                "theirs": theirs,
                "unit": unit,
                "value": value,
                "goal": 1.15,
            }
            for name, beside, ours, theirs, unit, value in rows
        ],
    }


def test_the_page_has_the_figures_of_the_results(tmp_path, monkeypatch):
    """What is written comes from the results; the rest of the page stays."""
    page = tmp_path / "benchmarks.md"
    page.write_text("# Benchmarks\n\n## Figures\n\nold\n\n## After\n\nkept\n")
    monkeypatch.setattr(bench, "DOCS", tmp_path)
    monkeypatch.setattr(bench, "PAGE", page)
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.json")

    bench.write(results())

    written = page.read_text()
    assert "old" not in written
    assert written.endswith("## After\n\nkept\n")
    assert "aiohttp 3.14.1" in written
    assert "* left out vonage: is not asynchronous" in written
    assert "* the single_asyncio: 1.50 ×" in written
    assert "* the single_asyncio_twilio" not in written
    assert sorted(path.name for path in tmp_path.glob("*.svg")) == [
        "benchmarks-bulk.svg",
        "benchmarks-install.svg",
        "benchmarks-send.svg",
    ]
    assert json.loads((tmp_path / "results.json").read_text()) == results()


def test_a_page_shows_what_was_written_down_last():
    """Whoever measures anew has to write the page anew, and nobody edits it by hand."""
    measured = json.loads((FOLDER / "fleet.json").read_text())

    assert (DOCS / "chaos.md").read_text() == chaos_page.page()
    assert (DOCS / "fleet-measured.md").read_text() == fleet_page.page(measured)


# --- the judge of a soak --------------------------------------------------------------


def sample(at, rss=50.0, *, fds=10, tasks=0):
    """A look at a worker."""
    return Sample(at=at, rss=rss, fds=fds, tasks=tasks)


def soak_of(samples, **more):
    """A soak without a flaw but those given."""
    return Soak(
        samples=samples,
        **{"before": sample(0), "laps": [sample(20)], "after": sample(3600)} | more,
    )


def hour(growth, *, peak=0.0):
    """An hour that grows by so much in 10 minutes, with a peak each minute."""
    return [
        sample(at, 50 + growth * at / 600 + (peak if at % 60 == 0 else 0))
        for at in range(3601)
    ]


def test_the_slope_is_that_of_the_line():
    """Growth is told in megabytes in 10 minutes, and peaks do not tilt it."""
    assert soak_judge.slope(hour(2.5, peak=100.0)) == pytest.approx(2.5)


@pytest.mark.parametrize(("growth", "problems"), [(0.9, 0), (1.1, 1), (-5.0, 0)])
def test_an_hour_must_not_grow_by_a_megabyte_in_ten_minutes(growth, problems):
    """In an hour the bound is the goal itself."""
    assert len(soak_judge.problems(soak_of(hour(growth)), in_flight=0)) == problems


def test_a_short_run_says_what_it_cannot_see():
    """In minutes the bound is as wide as memory wanders, and the report says so."""
    samples = hour(0.0)[:241]

    told = soak_judge.report(soak_of(samples), in_flight=0)

    assert soak_judge.bound(soak_judge.steady(samples)) > soak_judge.SLOPE_GOAL
    assert "cannot be told from" in told


def test_a_short_run_sees_a_large_leak():
    """A leak of a megabyte a second is seen in half a minute."""
    found = soak_judge.problems(soak_of(hour(600.0)[:31]), in_flight=0)

    assert found == ["memory grows by 600.0 MB in 10 minutes"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"after": sample(3600, fds=13)}, "+3 file descriptors at the end"),
        ({"after": sample(3600, fds=7)}, "-3 file descriptors at the end"),
        ({"laps": [sample(9, fds=45)]}, "+35 file descriptors between two laps"),
        ({"laps": [sample(9, tasks=1)]}, "1 tasks are left when nothing is to do"),
        ({"after": sample(9, tasks=2)}, "2 tasks are left when nothing is to do"),
        ({"sent_log": ["lap 1: 1 lost"]}, "lap 1: 1 lost"),
        ({"complaints": ["ResourceWarning"]}, "on standard error: ResourceWarning"),
        ({"after": None}, "the worker did not live to its end"),
    ],
)
def test_whatever_is_left_is_a_problem(more, words):
    """Files, tasks, complaints, and a sent log that says otherwise."""
    assert soak_judge.problems(soak_of(hour(0.0), **more), in_flight=32) == [words]


def test_two_more_files_are_no_problem():
    """Idle connections between laps, and two files at the end, are let pass."""
    fine = soak_of(hour(0.0), laps=[sample(9, fds=44)], after=sample(10, fds=12))

    assert soak_judge.problems(fine, in_flight=32) == []


def test_the_sent_log_is_compared_with_what_was_told():
    """Each way to be wrong has its name; a doubt excuses what it is about."""
    words = {
        "+331": "accepted",
        "+332": "presumed",
        "+333": "refused",
        "+334": "unknown",
        "+335": "accepted",
    }
    sent_log = {"+331": 2, "+333": 1, "+335": 1, "+336": 1}

    assert soak_judge.judge_sent_log(words, sent_log) == [
        "1 sent twice",
        "1 lost",
        "1 denied, although sent",
        "1 sent by nobody",
    ]


@pytest.mark.parametrize(
    ("line", "complains"),
    [
        ("x.py:1: ResourceWarning: unclosed <socket>", True),
        ("Task exception was never retrieved", True),
        ("Unclosed client session", True),
        ("a word of warning", False),
    ],
)
def test_a_complaint_is_known_by_its_words(line, complains):
    """What Python and aiohttp say of something forgotten."""
    assert soak_judge.complains(line) is complains


def run_a_soak(*arguments):
    """The real thing, for some seconds."""
    command = [
        *(sys.executable, str(FOLDER / "soak.py"), "--minutes", "0.06"),
        *("--lap", "2", "--singles", "2000", "--people", "100", "--faults", "0"),
        *arguments,
    ]
    # These scripts import each other: the folder of a script is its own.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="needs /proc"
)


@needs_proc
@pytest.mark.timeout(90)
def test_a_soak_of_what_is_well_is_well():
    """Nothing is left, and nothing complains."""
    done = run_a_soak()

    assert done.stdout.splitlines()[-1] == "all is well"
    assert done.returncode == 0


@needs_proc
@pytest.mark.timeout(90)
def test_a_soak_notices_each_mistake():
    """Whatever is planted is found, each by its own words, and the soak fails."""
    done = run_a_soak(
        *("--plant", "leak", "fd", "task", "warning", "exception", "twice", "lost")
    )

    found = [line for line in done.stdout.splitlines() if line.startswith("PROBLEM")]
    for words in (
        "memory grows",
        "file descriptors at the end",
        "tasks are left",
        "ResourceWarning",
        "was never retrieved",
        "sent twice",
        " lost",
    ):
        assert any(words in line for line in found), words
    assert done.returncode == 1


# --- the trace ------------------------------------------------------------------------


def test_a_further_batch_is_a_short_walk():
    """Whoever follows one batch more of a run turns eighty times at most."""
    trace = run_path(str(FOLDER / "trace.py"))

    visits = trace["visits_of_batches"]().total() / (trace["MORE"] - trace["FEW"])

    assert visits <= trace["BATCH_GOAL"]


def test_a_send_is_a_short_walk():
    """Whoever follows one plain send turns to another file sixteen times at most."""
    trace = run_path(str(FOLDER / "trace.py"))  # its name is one of Python's own, too

    visits = trace["visits_of_a_send"]()

    assert visits[0] == ("api/sms.py", "Sms.send")
    assert len(visits) <= trace["SEND_GOAL"]
    assert not any(file.startswith("sandbox/") for file, _ in visits)
