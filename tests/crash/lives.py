"""
Lives and deaths by the hundred, each life that may end in a process of its own.

A script and not part of the tests' process, because only who has a single thread may
fork. It prints, as JSON, how many schedules there were and every broken promise.
"""

import argparse
import asyncio
import gc
import json
import os
import sys
import threading
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory


# Where pytest finds them.
sys.path.append(str(Path(__file__).parent.parent))

from crash.judge import problems
from crash.planted import PLANTED
from crash.world import EDITS, SECOND, TOGETHER, Plan, SentLog, Steps, one_life


# In memory, where there is such a place: a thousand lives write thirty times each.
IN_MEMORY = Path("/dev/shm")  # noqa: S108  # the folders in it have random names
SEED = 20261122

# A run that does not end is a broken promise, too.
STARTS_AT_MOST = 20


def is_done(report):
    """Whether the next start would find nothing but what nobody can know."""
    return not (report["paused"] or report["not_sent"] or report["sending"])


def is_killed(folder, plan, steps):
    """Live in a child, for the life may end; whether it did."""
    # Only who is alone may fork: the thread of the last ledger is about to end.
    while threading.active_count() > 1:
        time.sleep(0.001)
    child = os.fork() or os._exit(one_life(folder, plan, steps))
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def survive(plan, die_at):
    """
    Live and die as scheduled, then live on until the run is done.

    Args:
        plan: Of the world.
        die_at: The steps to die at, each counted from the death before.

    Returns:
        Whether all these deaths were died, and every broken promise.
    """
    deaths, made = list(die_at), 0
    with TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as name:
        folder = Path(name)
        while True:
            if not deaths:
                one_life(folder, plan, Steps())
            elif is_killed(folder, plan, Steps(die_at=deaths[0] - made)):
                deaths, made = deaths[1:], 0
                continue
            note = json.loads((folder / "note").read_text())
            made += len(note["steps"])
            # An edited list has a start, also behind one that came to its end.
            met = plan.edit is None or SentLog(folder / "sent_log").lives >= SECOND
            if met and is_done(note["report"]):
                break
            if SentLog(folder / "sent_log").lives >= STARTS_AT_MOST:
                return not deaths, [f"{plan}, {die_at}: has no end"]
        found = asyncio.run(problems(folder, plan, note["report"]))
    return not deaths, [f"{plan}, {die_at}: {problem}" for problem in found]


def every_point(plan, first, apart):
    """A death at each of these steps, until there are no more steps."""
    step, has_died = first, True
    while has_died:
        has_died, found = survive(plan, [step])
        yield found
        step += apart


def pairs(plan, how_many):
    """Two deaths at random steps, in a random number of requests in flight."""
    random = Random(SEED)
    for _ in range(how_many):
        die_at = [random.randrange(1, 90), random.randrange(1, 60)]
        _, found = survive(plan, die_at)
        yield found


def main():
    """Live, die, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--burns-ids", action="store_true")
    parser.add_argument("--troubled", action="store_true")
    parser.add_argument("--late", action="store_true")
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, help="step to die at")
    parser.add_argument("--apart", type=int, default=1, help="steps to the next one")
    parser.add_argument("--pairs", type=int, help="instead of every single point")
    parser.add_argument(
        "--edit", choices=[*EDITS, TOGETHER], help="of the list, behind the first start"
    )
    parser.add_argument("--planted", choices=PLANTED)
    options = parser.parse_args()
    if options.planted:
        PLANTED[options.planted]()
    plan = Plan(
        burns_ids=options.burns_ids,
        troubled=options.troubled,
        late=options.late,
        concurrency=options.concurrency,
        edit=options.edit,
    )
    # What is there is not looked at again, and so is not copied for each child.
    gc.freeze()
    schedules = (
        every_point(plan, options.first, options.apart)
        if options.pairs is None
        else pairs(plan, options.pairs)
    )
    found = []
    for lived, broken in enumerate(schedules, 1):  # noqa: B007  # is printed
        found += broken
        if broken and options.planted:
            break
    sys.stdout.write(json.dumps({"schedules": lived, "problems": found}))


if __name__ == "__main__":
    main()
