"""
Lists that people edit while runs die: does anybody get it twice, or not at all?

Every crash point of a run, in its first start and in the second, with a list that was
edited between them; and random stories of lists, starts, kills, lost responses and
empty accounts. Both are tests, `tests/crash` and `tests/law_stories.py`; here they are
long, and counted. The gateway's own record is the judge. Fails if a promise was broken.
With `--write` also writes `edited_lists.json`.

    nox -s chaos
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final


FOLDER: Final = Path(__file__).parent
TESTS: Final = FOLDER.parent / "tests"

# The tests' own worlds, to have one of each and not two.
sys.path.append(str(TESTS))

from crash.world import EDITS, TOGETHER  # type: ignore[import-not-found]  # noqa: E402


STORIES: Final = 20_000
SEED: Final = 20261129
AT_ONCE: Final = 2
"""Processes."""

DUPLICATE_CHECKS: Final = {"on accept": (), "on receipt": ("--burns-ids",)}
GATEWAYS: Final = {"calm": (), "troubled": ("--troubled",)}


def said(command: Sequence[str]) -> Any:
    """What a process prints as JSON."""
    done = subprocess.run(
        [sys.executable, *command], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout)


def schedules(*, short: bool) -> Iterator[dict[str, str]]:
    """What a list, its duplicate check and its gateway may be."""
    for edit in (TOGETHER,) if short else (*EDITS, TOGETHER):
        for check in DUPLICATE_CHECKS:
            for gateway in GATEWAYS:
                yield {"edit": edit, "check": check, "gateway": gateway}


def die_everywhere(schedule: dict[str, str]) -> dict[str, Any]:
    """Die once at every point, and count deaths and broken promises."""
    found = said(
        [
            *(str(TESTS / "crash" / "lives.py"), "--edit", schedule["edit"]),
            *DUPLICATE_CHECKS[schedule["check"]],
            *GATEWAYS[schedule["gateway"]],
        ]
    )
    return {**schedule, **found}


def stories(count: int, seed: int) -> dict[str, int]:
    """Tell stories in a process of its own; it fails if the law does not hold."""
    command = [__file__, "--stories", str(count), "--seed", str(seed)]
    return dict(said(command))


def main() -> None:
    """Count, print, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="half a minute")
    parser.add_argument("--write", action="store_true", help="write json")
    parser.add_argument("--stories", type=int, help="in this process, as JSON")
    parser.add_argument("--seed", type=int, help="of --stories")
    options = parser.parse_args()
    if options.stories:
        from law_stories import tell_stories  # type: ignore[import-not-found]  # noqa: PLC0415 - loads hypothesis

        print(json.dumps(tell_stories(options.stories, at_random=options.seed)))
        return

    count = 200 if options.short else STORIES
    with ThreadPoolExecutor(AT_ONCE) as pool:
        deaths = list(pool.map(die_everywhere, schedules(short=options.short)))
        seeds = range(SEED, SEED + AT_ONCE)
        told: Counter[str] = Counter()
        for one in pool.map(stories, [count // AT_ONCE] * AT_ONCE, seeds):
            told.update(one)
    found = [problem for one in deaths for problem in one["problems"]]
    everything = {"seed": SEED, **told, "deaths": deaths}
    print(f"{sum(one['schedules'] for one in deaths):,} deaths, {len(found)} problems")
    print(f"{told['stories']:,} stories, {told['starts']:,} starts, no problem")
    if found:
        raise SystemExit("\n".join(found))
    if options.write:
        target = FOLDER / "edited_lists.json"
        target.write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
