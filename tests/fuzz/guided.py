"""
The same laws under atheris, which looks for bytes that reach new lines of code.

    python tests/fuzz/guided.py -runs=500000
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris


sys.path.insert(0, str(Path(__file__).parents[1]))

WATCHED = ["aiooctopush._responses", "aiooctopush._wire", "json", "email"]
with atheris.instrument_imports(include=WATCHED):
    from fuzz import harness


def check(data):
    """Let the first bytes choose the law, and the rest be its input."""
    law, kind, body = data[:1], data[1:2], data[2:]
    choice = kind[0] if kind else 0
    if law < b"\x50":
        harness.check_decode(body)
    elif law < b"\xc0":
        endpoint = harness.ENDPOINTS[choice % len(harness.ENDPOINTS)]
        status = harness.STATUSES[choice % len(harness.STATUSES)]
        harness.check_read(body, endpoint, status)
    else:
        value, _, date = body.decode("utf-8", "replace").partition("\n")
        harness.check_retry_after(value, date or harness.DATE)


def main():
    """Start from what the documents print; fuzz for the given number of runs."""
    seeds = [*harness.BODIES, *harness.NASTY, *map(str.encode, harness.RETRY_AFTERS)]
    with TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            for law in (b"\x00", b"\x60", b"\xff"):
                start = Path(corpus) / f"{number}-{law.hex()}"
                start.write_bytes(law + b"\x00" + seed)
        options = ("-seed=1", "-max_len=4096", "-timeout=10", corpus)
        atheris.Setup([*sys.argv, *options], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
