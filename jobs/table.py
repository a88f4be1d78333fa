"""Every job of the house, and how often it is done."""

from jobs import (
    alert,
    batch,
    delivery,
    event_day,
    fulfillment,
    hold,
    order,
    payment,
    price_change,
    reorder,
    stock_audit,
    stock_import,
    substitute,
    ticket,
    track,
    webhook,
)
from jobs.runner import Job

JOBS: tuple[Job, ...] = (
    Job("batch.set_aside", 15, lambda hands: batch.set_aside(hands.database)),
    Job("stock.audit", 30, lambda hands: stock_audit.audit(hands.database)),
    Job("hold.sweep", 5, lambda hands: hold.sweep(hands.database)),
    Job("fulfillment.time_out", 1, lambda hands: fulfillment.time_out(hands.database)),
    Job("delivery.advance", 1, lambda hands: delivery.advance(hands.database)),
    Job("fulfillment.tell_stalled", 15, lambda hands: fulfillment.tell_stalled(hands.database)),
    Job("delivery.unassign_silent", 15, lambda hands: delivery.unassign_silent(hands.database)),
    Job("price_change.apply_due", 0.3, lambda hands: price_change.apply_due(hands.database)),
    Job("alert.watch_shelves", 10, lambda hands: alert.watch_shelves(hands.database)),
    Job("alert.watch_dates", 300, lambda hands: alert.watch_dates(hands.database)),
    Job("alert.watch_sales", 3600, lambda hands: alert.watch_sales(hands.database)),
    Job("substitute.time_out", 1, lambda hands: substitute.time_out(hands.database)),
    Job("order.expire", 5, lambda hands: order.expire(hands.database, hands.payments)),
    Job("payment.settle", 1, lambda hands: payment.settle(hands.database, hands.payments)),
    Job(
        "payment.work_off_notices",
        2,
        lambda hands: payment.work_off_notices(hands.database, hands.payments),
    ),
    Job("ticket.raise_unanswered", 15, lambda hands: ticket.raise_unanswered(hands.database)),
    Job(
        "stock_import.advance",
        0.5,
        lambda hands: stock_import.advance(hands.database, hands.storage),
    ),
    Job(
        "stock_import.forget_files",
        600,
        lambda hands: stock_import.forget_files(hands.database, hands.storage),
    ),
    Job("webhook.fan_out", 0.5, lambda hands: webhook.fan_out(hands.database)),
    Job(
        "webhook.deliver",
        0.5,
        lambda hands: webhook.deliver(hands.database, hands.webhooks, hands.payloads),
    ),
    Job("webhook.forget_old", 3600, lambda hands: webhook.forget_old(hands.database)),
    Job("ticket.close_silent", 300, lambda hands: ticket.close_silent(hands.database)),
    Job("track.forget", 600, lambda hands: track.forget(hands.database)),
    Job("event_day.keep", 3600, lambda hands: event_day.keep(hands.database, hands.events_days)),
    Job("reorder.refresh", 300, lambda hands: reorder.refresh(hands.database)),
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
