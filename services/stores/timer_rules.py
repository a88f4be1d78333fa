"""Checks new timers of a company or of a store; both have the same bounds."""

from collections.abc import Iterator, Mapping

from models.timers import TIMER_BOUNDS, CompanyTimers
from services.core.problems import InvalidInput


def timer_problems(given: Mapping[str, int], timers: CompanyTimers) -> Iterator[InvalidInput]:
    """The problems of given seconds, by name; `timers` are those that would hold then."""
    for name, seconds in given.items():
        least, most = TIMER_BOUNDS[name]
        if not least <= seconds <= most:
            path = ["input", "timers", camel_case(name)]
            yield InvalidInput(path=path, message=f"This is from {least} to {most} seconds.")
    if timers.rider_silence_case_seconds < timers.rider_silence_seconds:
        path = ["input", "timers", "riderSilenceCaseSeconds"]
        message = f"A rider is asked first, after {timers.rider_silence_seconds} seconds."
        yield InvalidInput(path=path, message=message)


def camel_case(name: str) -> str:
    """The name of a column as the graph writes it."""
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
