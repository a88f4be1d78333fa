"""Jobs of tests process everything that is due, whatever other tests left in the database.

A job selects a batch of due items: due rows of other tests would fill it. Imports run for a few
seconds: a busy machine would spend them on the imports of other tests.
"""

from typing import Any

import pytest
from sqlalchemy import Select

from jobs import imports
from jobs.retry_each import DueItems
from services.operations import job_status

MAX_ITEMS = 2_000
IMPORT_SECONDS = 60.0
# Jobs that take a few large items at a time are called for one item by their tests.
MIN_BATCH = 20


@pytest.fixture(autouse=True)
def whole_batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let jobs select all due items; `bounded_batches` marks tests of the bounds."""
    if request.node.get_closest_marker("bounded_batches"):
        return

    def statement(due: DueItems) -> Select[Any]:
        most = MAX_ITEMS if due.max_items >= MIN_BATCH else due.max_items
        return job_status.leave_out_waiting(due.query, due.job).limit(most)

    monkeypatch.setattr(DueItems, "statement", statement)
    monkeypatch.setattr(imports, "RUN_SECONDS", IMPORT_SECONDS)
