"""Runs each benchmark in its short form: `python -m benchmarks.short`.

Shows that all of them still run; asserts nothing about speed and saves no results. Benchmarks that
share a database run one after the other, the first prepares it, and the two groups run side by
side. The output of a benchmark is shown when it fails.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.peers.place import PREPARED
from tests.support.paths import ROOT

TIMEOUT_SECONDS = 300.0
SHARED_DATABASE = ("peers", "live", "peers.scale", "riders", "inventory", "against")
OTHERS = ("prices", "execution", "limits", "stock", "jobs", "days", "reorder")


def run_group(names: Sequence[str]) -> list[str]:
    """Run some benchmarks in turn; the names of those that failed."""
    failed: list[str] = []
    for position, name in enumerate(names):
        prepared = names is SHARED_DATABASE and position > len(failed)
        if not run(name, {PREPARED: "1"} if prepared else {}):
            failed.append(name)
    return failed


def run(name: str, settings: Mapping[str, str]) -> bool:
    """Run one benchmark and print how it ended; its output only if it failed."""
    started_at = time.monotonic()
    command = [sys.executable, "-m", f"benchmarks.{name}", "--short"]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | settings, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        try:
            output, _ = process.communicate(timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.terminate()
            output = process.communicate()[0] + f"\nnot finished after {TIMEOUT_SECONDS:.0f} s"
    passed = process.returncode == 0
    lines = [f"{name:12} {'ok' if passed else 'FAILED'}  {time.monotonic() - started_at:.0f} s"]
    shown = [line for line in output.splitlines() if not passed or "left out" in line]
    print("\n  ".join([*lines, *shown]), flush=True)
    return passed


def main() -> int:
    """Run all; 1 when one has failed."""
    with ThreadPoolExecutor() as pool:
        groups = pool.map(run_group, (SHARED_DATABASE, OTHERS))
        failed = [name for names in groups for name in names]
    if failed:
        print(f"darkstore: these benchmarks failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
