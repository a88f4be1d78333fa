"""How long a task in progress may be idle before it returns to the queue."""

from datetime import datetime, timedelta

from services.fulfillment.fulfillment_states import PickingTask

MAX_IDLE_SECONDS = 600


def idle_deadline(task: PickingTask) -> datetime:
    """The time at which a task that is worked on now becomes stalled."""
    return task.now + timedelta(seconds=MAX_IDLE_SECONDS)
