from schema.backing import backed_by, column
from workflows import operations


@backed_by(
    operations.RequestQueueStats, "A queue of the process that answers, counted since its start."
)
class QueueType:
    name: str = column("What waits in it.")
    waiting: int = column("Requests that no worker has taken yet.")
    waiting_most: int = column("How many may wait: one more is refused as Busy.")
    batches: int = column("Batches that were begun.")
    requests: int = column("Requests in them; those that are tried again count again.")
    retried: int = column("Requests tried again one by one, as their batch had failed.")
    failed: int = column("Requests that failed by themselves, too.")
    shed: int = column("Requests that were refused as Busy.")
    mean_batch: float | None = column("Requests in a batch, on average; null before the first.")
    wait_p50_ms: float | None = column(
        "Half of the requests were answered within these milliseconds; null before the first."
    )
    wait_p99_ms: float | None = column(
        "99 in 100 were answered within these milliseconds; null before the first, and beyond"
        " 2,500."
    )


@backed_by(
    operations.ReservationStats,
    "What a verb did with units promised to orders since the process that answers was started.",
)
class HoldVerbType:
    name: str = column(
        "hold promises units, extend keeps them longer, claim sells them to a paid order, release"
        " and expire put them back."
    )
    orders: int = column("Of how many orders.")
    units: int = column("How many units.")


@backed_by(
    operations.ProcessStats,
    "What the process that answers is doing: another one may answer the next time. All processes"
    " together stand in their metrics.",
)
class OperationsType:
    queues: list[QueueType] = column("What waits here for its turn.")
    holds: list[HoldVerbType] = column("What was done here with units promised to orders.")
