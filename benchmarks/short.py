"""Runs each benchmark in its short form: `python -m benchmarks.short`.

Shows that all of them still run; asserts nothing about speed and saves no results. Benchmarks that
share a database run one after the other, the two groups side by side. The output of a benchmark is
shown when it fails.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.support.paths import ROOT

TIMEOUT_SECONDS = 300.0
SERVERS = ("peers", "live", "peers.scale", "riders", "inventory", "prices")
IN_PROCESS = ("execution", "limits", "stock", "jobs", "days", "reorder")


def run_group(names: Sequence[str]) -> list[str]:
    """Run some benchmarks in turn; the names of those that failed."""
    return [name for name in names if not run(name)]


def run(name: str) -> bool:
    """Run one benchmark and print how it ended; its output only if it failed."""
    started_at = time.monotonic()
    command = [sys.executable, "-m", f"benchmarks.{name}", "--short"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
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
        failed = [name for names in pool.map(run_group, (SERVERS, IN_PROCESS)) for name in names]
    if failed:
        print(f"darkstore: these benchmarks failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
