"""Skips tests that need a program which this machine lacks, and names them at the end of the run.

A machine that sets `CI` must have every program: there a skipped suite makes the run fail.
"""

import os
from collections import Counter

import pytest

PREFIX = "NOT RUN, needs "


def needs(program: str, *, present: bool, install: str) -> pytest.MarkDecorator:
    """Skip without `program`; `install` is the command that brings it."""
    return pytest.mark.skipif(not present, reason=f"{PREFIX}{program}: {install}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write one line for each missing program."""
    for reason, count in _not_run(terminalreporter).items():
        terminalreporter.write_line(f"{reason} ({count} tests)", yellow=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of CI in which a suite was skipped for want of a program."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and os.environ.get("CI") and _not_run(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _not_run(reporter: pytest.TerminalReporter) -> Counter[str]:
    reasons = (report.longrepr[2] for report in reporter.stats.get("skipped", ()))
    return Counter(
        reason.removeprefix("Skipped: ")
        for reason in reasons
        if reason.removeprefix("Skipped: ").startswith(PREFIX)
    )
