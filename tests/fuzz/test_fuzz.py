"""
B14: whatever comes in, only our own errors come out, and memory stays bounded.

`nox -s fuzz` runs a million; `FUZZ_RUNS` says how many, `FUZZ_SEED` which.
"""

import os
import resource
import sys
import tracemalloc

import pytest
from fuzz.harness import NASTY, Mutator, check_decode, check_read, execute

from aiooctopush.api.sms import SEND


RUNS = int(os.environ.get("FUZZ_RUNS", "20000"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
KIBIBYTE = 1 if sys.platform == "darwin" else 1024
MEBIBYTE = 1024 * 1024


@pytest.mark.timeout(3_600)
def test_nothing_but_our_errors_comes_out():
    """Bytes become a result or an error of ours, and the process does not grow."""
    execute(2_000, SEED)  # what is cached is cached now
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE

    execute(RUNS, SEED)

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE - before
    assert grown < 32 * MEBIBYTE


@pytest.mark.parametrize("nasty", NASTY, ids=lambda one: f"{len(one)} {one[:24]}")
def test_one_nasty_value_takes_no_memory(nasty):
    """A figure of ten bytes must not become one of a billion digits."""
    body = b'{"sms_ticket": "sms_1", "total_cost": %b, "number_of_contacts": 1}' % nasty

    tracemalloc.start()
    try:
        check_decode(body)
        check_read(body, SEND, 201)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4 * MEBIBYTE


def test_the_mutator_repeats_itself():
    """The same seed makes the same bytes, so a finding can be found again."""
    first, second = Mutator(7), Mutator(7)

    assert [first.body() for _ in range(99)] == [second.body() for _ in range(99)]
