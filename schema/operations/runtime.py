from schema.backing import backed_by, column
from workflows import operations


@backed_by(
    operations.RequestQueueStats,
    "A queue of the process that answers; counts begin with its start.",
)
class QueueType:
    name: str = column("Its name.")
    waiting: int = column("Waiting requests.")
    waiting_most: int = column("Maximum number of waiting requests; further ones get Busy.")
    batches: int = column("Started batches.")
    requests: int = column("Requests in these batches; repeated requests count again.")
    retried: int = column("Requests that were repeated one by one after their batch had failed.")
    failed: int = column("Requests that failed when they were repeated, too.")
    shed: int = column("Requests that got Busy.")
    mean_batch: float | None = column("Requests in a batch, on average; null before the first.")
    wait_p50_ms: float | None = column(
        "Median time to answer in milliseconds; null before the first request."
    )
    wait_p99_ms: float | None = column(
        "99th percentile of the time to answer in milliseconds; null before the"
        " first request, and beyond 2,500."
    )


@backed_by(
    operations.ReservationStats,
    "Counts of one operation on reservations since the start of the process that answers.",
)
class HoldVerbType:
    name: str = column(
        "The operation: `hold` reserves units, `extend` prolongs a reservation,"
        " `claim` sells the units to a paid order, `release` and `expire` end a"
        " reservation."
    )
    orders: int = column("Number of orders.")
    units: int = column("Number of units.")


@backed_by(
    operations.ProcessStats,
    "Figures of the process that answers; the next request may be answered by"
    " another process. Metrics have the figures of all processes.",
)
class OperationsType:
    queues: list[QueueType] = column("Its queues.")
    holds: list[HoldVerbType] = column("Operations on reservations in this process.")
