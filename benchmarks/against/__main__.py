"""Compares the CPU per request of two commits in one run: `python -m benchmarks.against COMMIT`.

Both servers run side by side from their own trees, with the same load generator, and are measured
in turn: a round is some short slices in the order old, new, new, old, so that a slow drift of the
machine hits both. Prints for each operation the mean ratio new/old over the rounds with its 95 %
interval (Student's t on the logarithms), and fails when the upper bound exceeds the limit.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.peers.place import ROOT

WORKER = Path(__file__).with_name("worker.py")
LOAD = ROOT / "benchmarks" / "peers" / "load.js"
UPPER_BOUND = 1.05
WARM_SECONDS = 0.2
ORDER = (0, 1, 1, 0)
T_95 = {2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228}
"""Two-sided 95 % quantiles of Student's t by degrees of freedom."""
NORMAL_95 = 1.96


class Tree:
    """The worker of one tree."""

    def __init__(self, child: "subprocess.Popen[str]") -> None:
        self._child = child
        self.operations: list[str] = self._answer()

    def measure(self, name: str, seconds: float) -> tuple[float, float]:
        """Requests and seconds of CPU of one slice."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"{name} {seconds} {WARM_SECONDS}\n")
        self._child.stdin.flush()
        answer = self._answer()
        return answer["requests"], answer["cpu_seconds"]

    def _answer(self) -> Any:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise SystemExit("against: a server or its worker ended; see its output above")
        return json.loads(line)


@contextmanager
def worker(folder: Path) -> Iterator[Tree]:
    """Start the worker in one tree; it ends with the block."""
    command = [str(folder / ".venv" / "bin" / "python"), str(WORKER), str(LOAD)]
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        yield Tree(child)
        assert child.stdin is not None
        child.stdin.close()


@contextmanager
def checked_out(commit: str | None) -> Iterator[Path]:
    """A worktree of a commit with its own libraries; this tree where no commit is given."""
    if commit is None:
        yield ROOT
        return
    folder = ROOT / ".darkstore" / "against" / commit
    if not folder.exists():
        added = ["git", "worktree", "add", "--detach", "--force", str(folder), commit]
        subprocess.run(added, cwd=ROOT, check=True)
        subprocess.run(["make", "setup"], cwd=folder, check=True, stdout=sys.stderr)
    yield folder


def interval(ratios: Sequence[float]) -> tuple[float, float, float]:
    """The geometric mean of ratios and the bounds of its 95 % interval."""
    logarithms = [math.log(ratio) for ratio in ratios]
    middle = statistics.fmean(logarithms)
    if len(logarithms) < min(T_95) + 1:
        return math.exp(middle), math.nan, math.nan
    quantile = T_95.get(len(logarithms) - 1, NORMAL_95)
    half = quantile * statistics.stdev(logarithms) / math.sqrt(len(logarithms))
    return math.exp(middle), math.exp(middle - half), math.exp(middle + half)


def one_round(trees: Sequence[Tree], name: str, slices: int, seconds: float) -> float:
    """The ratio new/old of CPU per request over some slices of each."""
    requests, used = [0.0, 0.0], [0.0, 0.0]
    for _ in range(slices):
        for which in ORDER:
            count, cpu_seconds = trees[which].measure(name, seconds)
            requests[which] += count
            used[which] += cpu_seconds
    old, new = (cpu / count for cpu, count in zip(used, requests, strict=True))
    return new / old


def compare(trees: Sequence[Tree], chosen: argparse.Namespace) -> list[str]:
    """Print a line for each operation; the names of those over the limit."""
    missed = []
    names = [name for name in trees[1].operations if name in trees[0].operations]
    for name in chosen.operations or names:
        one_round(trees, name, 1, chosen.seconds)
        ratios = [
            one_round(trees, name, chosen.slices, chosen.seconds) for _ in range(chosen.rounds)
        ]
        mean, lower, upper = interval(ratios)
        if upper > UPPER_BOUND:
            missed.append(name)
        word = "missed" if name in missed else "holds"
        print(f"{name:12}{mean:7.3f} [{lower:.3f}, {upper:.3f}] {word}", flush=True)
    return missed


def main() -> int:
    """Run; 1 when an operation is over the limit."""
    parser = argparse.ArgumentParser(prog="benchmarks.against", description=__doc__)
    parser.add_argument("commit", nargs="?", help="the older commit (default: this tree itself)")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--slices", type=int, default=3, help="pairs of slices a round")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a slice")
    parser.add_argument("--operations", nargs="+")
    parser.add_argument("--short", action="store_true", help="only check that it runs")
    chosen = parser.parse_args()
    if chosen.short:
        chosen.commit, chosen.rounds, chosen.slices, chosen.seconds = None, 1, 1, 0.1
        chosen.operations = ["hello"]
    with ExitStack() as stack:
        folders = [stack.enter_context(checked_out(chosen.commit)), ROOT]
        trees = [stack.enter_context(worker(folder)) for folder in folders]
        missed = compare(trees, chosen)
    if missed:
        print(f"against: over {UPPER_BOUND}: {', '.join(missed)}", file=sys.stderr)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
