"""
What a list as people have it costs to read, beside a clean one.

300,000 rows each: one all international, one of which half is written nationally and
2 % cannot be used. Seconds of processor time and the peak of memory, each in a process
of its own.

    python benchmarks/lists.py
"""

import argparse
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from aiooctopush import SourceError, read_csv


ROWS: Final = 300_000
KINDS: Final = ("clean", "real")


def write(path: Path, kind: str, rows: int) -> None:
    """A file of made-up people, the same every time."""
    chance = random.Random(7)
    with path.open("w", encoding="utf-8") as file:
        file.write("phone_number,first_name,ville\n")
        for at in range(rows):
            digits = f"6{at:08d}"
            number = f"+33{digits}"
            if kind == "real" and chance.random() < 0.02:
                number = "inconnu"
            elif kind == "real" and chance.random() < 0.5:
                number = " ".join(
                    (f"0{digits}"[two : two + 2]) for two in range(0, 10, 2)
                )
            file.write(f"{number},Zoé,Lyon\n")


def read(path: Path) -> None:
    """Read a file once, and print what it took."""
    begun = time.process_time()
    good = bad = 0
    with read_csv(path, country="FR").rows() as rows:
        for _, row in rows:
            if isinstance(row, SourceError):
                bad += 1
            else:
                good += 1
    seconds = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"  {good:>9,} good {bad:>7,} bad {seconds:8.2f} s {peak:6,} MB")


def main() -> None:
    """Write both files, and read each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read is not None:
        read(given.read)
        return
    with TemporaryDirectory() as folder:
        for kind in KINDS:
            path = Path(folder) / f"{kind}.csv"
            write(path, kind, given.rows)
            print(kind, flush=True)
            subprocess.run([sys.executable, __file__, "--read", path], check=True)


if __name__ == "__main__":
    main()
