"""Every bench of docs/benchmarks.md, one after the other, each with its own command, in about ten minutes.

python bench/all.py
python bench/all.py --only makespan,in_flight
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
BENCHES = {
    "expansion": (),
    "first_submission": ("--rounds", "2"),
    "reading": (),
    "polling": ("--seeds", "3"),
    "makespan": ("--takes", "96", "--median", "4"),
    "in_flight": ("--takes", "2000", "--settle", "20", "--seconds", "30"),
    "transfers": ("--clips", "100"),
    "soak": ("--takes", "500", "--minutes", "6", "--kill", "62"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(BENCHES), help="which, with commas between")
    names = parser.parse_args().only.split(",")
    unknown = sorted(set(names) - set(BENCHES))
    if unknown:
        parser.error(f"there is no bench {unknown[0]!r}; there are {', '.join(BENCHES)}")
    failed = []
    for name in names:
        command = [str(HERE / f"{name}.py"), *BENCHES[name]]
        sys.stdout.write(f"\n$ python bench/{name}.py {' '.join(BENCHES[name])}\n")
        sys.stdout.flush()
        begun = time.monotonic()
        code = subprocess.run([sys.executable, *command], cwd=HERE.parent, check=False).returncode
        sys.stdout.write(f"({time.monotonic() - begun:.0f} s)\n")
        if code:
            failed.append(name)
    if failed:
        sys.stdout.write(f"did not end well: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
