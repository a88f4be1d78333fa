"""Every target of the Makefile has a short form that `make check` runs, so that none rots."""

import json
import re

from benchmarks.peers import plot
from benchmarks.peers.report import RESULTS
from benchmarks.short import OTHERS, SHARED_DATABASE
from tests.support.paths import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = dict(re.findall(r"^([a-z-]+):([^\n#]*)(?:##.*)?$", MAKEFILE, re.MULTILINE))
RECIPES = dict(re.findall(r"^([a-z-]+):[^\n]*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE))
CHECK = {*TARGETS["check"].split("##")[0].split(), *RECIPES["check"].split()}
# What runs a target in `make check`: a step of it, or tests, which are a step.
BY_STEP = {
    "setup": "lint", "lint": "lint", "types": "types", "contracts": "contracts",
    "schema-diff": "schema-diff", "test": "test", "test-fast": "test", "clients": "test",
    "demo": "demo-short", "city": "demo-short", "run": "demo-short", "demo-short": "demo-short",
    "bench-short": "bench-short", "attack": "attack-short", "attack-short": "attack-short",
}  # fmt: skip
BY_TEST = {
    "help": "tests/local/test_makefile.py",
    "stop": "tests/local/test_run.py",
    "reset": "tests/local/test_instance.py",
    "audit-stock": "tests/server/commands/test_audit_stock.py",
    "crash": "tests/faults/test_crashes.py",
    "chaos": "tests/faults/test_chaos.py",
    "bench-drain": "tests/faults/test_rolling.py",
    "fuzz": "tests/execution/test_generated.py",
    "states": "tests/docs/test_states.py",
    "rules": "tests/schema/test_rules.py",
    "walk": "tests/schema/walk/test_reads.py",
    "bench-plot": "tests/local/test_makefile.py",
}
LIKE_CHECKS = {"format": "lint", "schema": "schema-diff"}
NEEDS_NETWORK = {"lock": "asks the package index for newer versions"}


def documented() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*?## ", MAKEFILE, re.MULTILINE))


def test_every_target_has_a_short_form_that_check_runs() -> None:
    """Nothing ran the benchmarks, and one of them had been broken for months."""
    benchmarks = {name for name in documented() if "benchmarks." in RECIPES.get(name, "")}
    modules = {
        name: match[1]
        for name in benchmarks
        if (match := re.search(r"benchmarks\.([a-z.]+)", RECIPES[name]))
    }
    short = {name for name, module in modules.items() if module in SHARED_DATABASE + OTHERS}
    steps = {name for name, step in (BY_STEP | LIKE_CHECKS).items() if step in CHECK}
    tests = {name for name, path in BY_TEST.items() if (ROOT / path).is_file()}
    assert documented() - short - steps - tests - set(NEEDS_NETWORK) == {"check"}


def test_the_saved_results_can_be_drawn() -> None:
    """The short form of bench-plot: it writes nothing."""
    results = json.loads((RESULTS / "peers.json").read_text())
    assert plot.drawing(results).startswith("<svg")
    assert plot.BEGIN in plot.PAGE.read_text()
    assert "| operation |" in plot.figures(results)
