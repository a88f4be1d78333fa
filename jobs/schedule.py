"""Every job of the house, and how often it is done."""

from jobs import (
    alerts,
    catalog,
    delivery,
    events,
    imports,
    integrations,
    orders,
    payments,
    purchasing,
    stock,
    support,
)
from jobs.fulfillment import fulfillments, substitutions
from jobs.runner import Job

JOBS: tuple[Job, ...] = (
    Job("batch.set_aside", 15, lambda hands: stock.set_aside(hands.database)),
    Job("stock.audit", 30, lambda hands: stock.audit(hands.database)),
    Job("hold.sweep", 5, lambda hands: stock.sweep(hands.database)),
    Job("fulfillment.time_out", 1, lambda hands: fulfillments.time_out(hands.database)),
    Job("delivery.advance", 1, lambda hands: delivery.advance(hands.database)),
    Job("fulfillment.tell_stalled", 15, lambda hands: fulfillments.tell_stalled(hands.database)),
    Job("delivery.unassign_silent", 15, lambda hands: delivery.unassign_silent(hands.database)),
    Job("price_change.apply_due", 0.3, lambda hands: catalog.apply_due(hands.database)),
    Job("alert.watch_shelves", 10, lambda hands: alerts.watch_shelves(hands.database)),
    Job("alert.watch_dates", 300, lambda hands: alerts.watch_dates(hands.database)),
    Job("alert.watch_sales", 3600, lambda hands: alerts.watch_sales(hands.database)),
    Job("substitute.time_out", 1, lambda hands: substitutions.time_out(hands.database)),
    Job("order.expire", 5, lambda hands: orders.expire(hands.database, hands.payments)),
    Job("payment.settle", 1, lambda hands: payments.settle(hands.database, hands.payments)),
    Job(
        "payment.work_off_notices",
        2,
        lambda hands: payments.work_off_notices(hands.database, hands.payments),
    ),
    Job("ticket.raise_unanswered", 15, lambda hands: support.raise_unanswered(hands.database)),
    Job(
        "stock_import.advance",
        0.5,
        lambda hands: imports.advance(hands.database, hands.storage),
    ),
    Job(
        "stock_import.forget_files",
        600,
        lambda hands: imports.forget_files(hands.database, hands.storage),
    ),
    Job("webhook.fan_out", 0.5, lambda hands: integrations.fan_out(hands.database)),
    Job(
        "webhook.deliver",
        0.5,
        lambda hands: integrations.deliver(hands.database, hands.webhooks, hands.payloads),
    ),
    Job("webhook.forget_old", 3600, lambda hands: integrations.forget_old(hands.database)),
    Job("ticket.close_silent", 300, lambda hands: support.close_silent(hands.database)),
    Job("track.forget", 600, lambda hands: delivery.forget(hands.database)),
    Job("event_day.keep", 3600, lambda hands: events.keep(hands.database, hands.events_days)),
    Job("reorder.refresh", 300, lambda hands: purchasing.refresh(hands.database)),
)

DUE = "select 1 from {0} where due_at < now()"
# What is due for a job, a row each, for those who watch whether it keeps up.
WAITING: dict[str, str] = {
    "hold.sweep": "select 1 from hold where status = 'HELD' and expires_at < now()",
    "fulfillment.time_out": DUE.format("fulfillment"),
    "delivery.advance": DUE.format("delivery"),
    "price_change.apply_due": DUE.format("price_change"),
    "order.expire": DUE.format('"order"') + " and status = 'PLACED'",
    "payment.settle": f"{DUE.format('payment')} union all {DUE.format('refund')}",
    "payment.work_off_notices": "select 1 from payment_notice where done_at is null",
    "webhook.fan_out": "select 1 from event e, event_place p where p.reader = 'webhooks'"
    " and (e.tx, e.stream, e.seq) > (p.tx, p.stream, p.seq)",
    "webhook.deliver": "select 1 from webhook_delivery d"
    " join webhook_endpoint w on w.id = d.endpoint_id and w.status = 'ACTIVE'"
    " where d.status = 'PENDING' and d.due_at < now()",
}
