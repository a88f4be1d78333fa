"""Counts operations and how long they took, for the summary at the end of a run."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

HUNDREDTHS = (50, 99)


@dataclass
class RequestStatistics:
    """Latencies (seconds) and failures by operation name."""

    took: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: Counter[str] = field(default_factory=Counter)
    messages: dict[str, str] = field(default_factory=dict)

    def add(self, operation: str, seconds: float) -> None:
        self.took[operation].append(seconds)

    def fail(self, operation: str, message: str) -> None:
        self.failures[operation] += 1
        self.messages.setdefault(operation, message[:200])

    def worst_p99(self) -> float:
        """The highest p99 (seconds) of all operations."""
        return max((percentile(times, 99) for times in self.took.values()), default=0.0)

    def rows(self) -> list[str]:
        """One line per operation: count, p50 and p99 in milliseconds, failures."""
        lines = [f"{'operation':<28}{'count':>8}{'p50 ms':>9}{'p99 ms':>9}{'failed':>8}"]
        for name in sorted(set(self.took) | set(self.failures)):
            times = self.took.get(name, [])
            p50, p99 = (percentile(times, nth) * 1000 for nth in HUNDREDTHS)
            lines.append(f"{name:<28}{len(times):>8}{p50:>9.1f}{p99:>9.1f}{self.failures[name]:>8}")
        return lines


def percentile(values: list[float], nth: int) -> float:
    """The nth percentile by nearest rank; 0 when there are no values."""
    if not values:
        return 0.0
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, len(ranked) * nth // 100)]
