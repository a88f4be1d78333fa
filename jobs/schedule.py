"""Every job with its interval in seconds."""

from jobs import (
    accounts,
    alerts,
    catalog,
    delivery,
    events,
    files,
    fulfillment,
    imports,
    integrations,
    messages,
    operations,
    orders,
    payments,
    purchasing,
    stock,
    support,
)
from jobs.runner import Job

JOBS: tuple[Job, ...] = (
    Job(
        "batch.set_aside",
        15,
        lambda deps: stock.withdraw_unsellable_batches(deps.database),
        due=stock.STORES_TO_SET_ASIDE,
    ),
    Job(
        "stock.audit",
        30,
        lambda deps: stock.audit_next_store(deps.database),
        due=stock.STORES_TO_AUDIT,
    ),
    Job(
        "hold.sweep",
        5,
        lambda deps: stock.expire_reservations(deps.database),
        due=stock.OVERDUE_HOLDS,
    ),
    Job(
        "fulfillment.time_out",
        1,
        lambda deps: fulfillment.time_out_acceptances(deps.database),
        due=fulfillment.OVERDUE_FULFILLMENTS,
    ),
    Job(
        "delivery.advance",
        1,
        lambda deps: delivery.advance_deliveries(deps.database),
        due=delivery.OVERDUE_DELIVERIES,
    ),
    Job(
        "fulfillment.tell_stalled",
        15,
        lambda deps: fulfillment.give_back_stalled_tasks(deps.database),
        due=fulfillment.STALLED_FULFILLMENTS,
    ),
    Job(
        "fulfillment.remind_put_back",
        30,
        lambda deps: fulfillment.remind_of_put_backs(deps.database),
        due=fulfillment.OVERDUE_PUT_BACKS,
    ),
    Job(
        "fulfillment.tell_waiting",
        15,
        lambda deps: fulfillment.report_waiting_bags(deps.database),
        due=fulfillment.OVERDUE_BAGS,
    ),
    Job(
        "fulfillment.end_pickup",
        10,
        lambda deps: fulfillment.end_uncollected_pickups(deps.database),
        due=fulfillment.OVERDUE_PICKUPS,
    ),
    Job(
        "delivery.unassign_silent",
        15,
        lambda deps: delivery.unassign_silent_riders(deps.database),
        due=delivery.SILENT_RIDERS,
    ),
    Job(
        "delivery.check_silent",
        15,
        lambda deps: delivery.check_silent_carriers(deps.database),
        due=delivery.SILENT_CARRIERS,
    ),
    Job(
        "rider.end_silent_shifts",
        60,
        lambda deps: delivery.end_silent_shifts(deps.database),
        due=delivery.SILENT_SHIFTS,
    ),
    Job(
        "price_change.apply_due",
        0.3,
        lambda deps: catalog.apply_due_prices(deps.database),
        due=catalog.DUE_PRICES,
    ),
    Job(
        "alert.watch_shelves",
        10,
        lambda deps: alerts.check_stock_levels(deps.database),
        due=alerts.CHANGED_STORES,
    ),
    Job(
        "alert.watch_dates",
        60,
        lambda deps: alerts.check_expiry_dates(deps.database),
        due=alerts.STORES_BY_EXPIRY,
    ),
    Job(
        "alert.watch_sales",
        60,
        lambda deps: alerts.check_sales_trends(deps.database),
        due=alerts.STORES_BY_SALES,
    ),
    Job(
        "substitute.time_out",
        1,
        lambda deps: fulfillment.time_out_substitutions(deps.database),
        due=fulfillment.OVERDUE_PROPOSALS,
    ),
    Job(
        "order.expire",
        5,
        lambda deps: orders.expire_unpaid_orders(deps.database, deps.payments),
        due=orders.UNPAID_ORDERS,
    ),
    Job(
        "order.cancel_unpaid",
        5,
        lambda deps: orders.cancel_unpaid_orders(deps.database, deps.payments),
        due=orders.LOST_PAYMENTS,
    ),
    Job(
        "order_change.expire",
        5,
        lambda deps: orders.expire_order_changes(deps.database, deps.payments),
        due=orders.UNPAID_CHANGES,
    ),
    Job(
        "payment.settle",
        1,
        lambda deps: payments.settle_due_payments(deps.database, deps.payments),
        due=payments.UNSETTLED_ROWS,
    ),
    Job(
        "payment.reconcile",
        600,
        lambda deps: payments.reconcile_account(deps.database, deps.payments),
        whole="the lists of the account, page by page; payment.reconcile_failed retries payments",
    ),
    Job(
        "payment.reconcile_failed",
        5,
        lambda deps: payments.reconcile_failed(deps.database, deps.payments),
        due=payments.UNRECONCILED_PAYMENTS,
    ),
    Job(
        "payment.work_off_notices",
        2,
        lambda deps: payments.process_pending_notices(deps.database, deps.payments),
        due=payments.PENDING_NOTICES,
    ),
    Job(
        "ticket.raise_unanswered",
        15,
        lambda deps: support.escalate_unanswered_tickets(deps.database),
        due=support.UNANSWERED_TICKETS,
    ),
    Job(
        "stock_import.advance",
        0.5,
        lambda deps: imports.advance_imports(deps.database, deps.storage),
        due=imports.UNFINISHED_IMPORTS,
    ),
    Job(
        "stock_import.forget_files",
        600,
        lambda deps: imports.delete_old_files(deps.database, deps.storage),
        whole="deletes what is past its time: a file that is left is found again",
    ),
    Job(
        "file.expire",
        60,
        lambda deps: files.expire_files(deps.database),
        due=files.EXPIRED_FILES,
    ),
    Job(
        "file.forget",
        600,
        lambda deps: files.forget_files(deps.database, deps.objects),
        due=files.ENDED_FILES,
    ),
    Job(
        "file.tidy",
        600,
        lambda deps: files.delete_sent_objects(deps.database, deps.objects),
        due=files.SENT_OBJECTS,
    ),
    Job(
        "webhook.fan_out",
        0.5,
        lambda deps: integrations.fan_out(deps.database),
        whole="reads the log in order: an event that can't be queued is left out and reported",
    ),
    Job(
        "webhook.deliver",
        0.5,
        lambda deps: integrations.deliver(deps.database, deps.webhooks, deps.payloads),
        whole="deliveries have attempts, delays and an end of their own, each by itself",
    ),
    Job(
        "webhook.expire",
        600,
        lambda deps: integrations.expire_pending(deps.database),
        whole="one statement ends what is past its time, rows in use are found again",
    ),
    Job(
        "ticket.close_silent",
        300,
        lambda deps: support.close_silent_tickets(deps.database),
        due=support.ABANDONED_TICKETS,
    ),
    Job(
        "retention.delete_old",
        600,
        lambda deps: operations.delete_old_rows(deps.database, deps.retention),
        whole="its items are the tables: each fails and is retried by itself",
    ),
    Job(
        "event_day.keep",
        3600,
        lambda deps: events.maintain_partitions(deps.database, deps.retention.event_days),
        whole="days of the log end in their order: one that can't be dropped keeps later ones",
    ),
    Job(
        "reorder.refresh",
        300,
        lambda deps: purchasing.refresh_proposals(deps.database),
        due=purchasing.OUTDATED_STORES,
    ),
    Job(
        "message.send",
        0.5,
        lambda deps: messages.send_messages(deps.messages),
        whole="a message that is not sent is tried again ever later, until it expires",
    ),
    Job(
        "invitation.expire",
        60,
        lambda deps: accounts.expire_invitations(deps.database),
        due=accounts.EXPIRED_INVITATIONS,
    ),
)

DUE = "select 1 from {0} where due_at < now()"
NEXT_STEP_DUE = "select 1 from fulfillment where next_step_due_at < now()"
PAYMENT_DUE = "select 1 from {0} where payment_due_at < now()"
# Selects a row for each item that is due for a job, to show whether the job keeps up.
BACKLOG_QUERIES: dict[str, str] = {
    "hold.sweep": "select 1 from hold where status = 'HELD' and expires_at < now()",
    "fulfillment.time_out": NEXT_STEP_DUE + " and status = 'QUEUED'",
    "fulfillment.end_pickup": NEXT_STEP_DUE + " and status = 'READY_FOR_PICKUP'",
    "fulfillment.remind_put_back": NEXT_STEP_DUE + " and put_back_at is null"
    " and put_back_opened_at is not null",
    "delivery.advance": DUE.format("delivery"),
    "price_change.apply_due": DUE.format("price_change"),
    "order.expire": PAYMENT_DUE.format('"order"') + " and status = 'PLACED'",
    "order.cancel_unpaid": PAYMENT_DUE.format('"order"') + " and status = 'CONFIRMED'",
    "order_change.expire": PAYMENT_DUE.format("order_change"),
    "payment.settle": " union all ".join(map(DUE.format, ("payment", "refund", "dispute"))),
    "payment.work_off_notices": "select 1 from payment_notice where done_at is null",
    "webhook.fan_out": "select 1 from event e, event_place p where p.reader = 'webhooks'"
    " and (e.tx, e.stream, e.seq) > (p.tx, p.stream, p.seq)",
    "message.send": "select 1 from outgoing_message where status = 'PENDING' and due_at < now()",
    "webhook.deliver": "select 1 from webhook_delivery d"
    " join webhook_endpoint w on w.id = d.endpoint_id and w.status = 'ACTIVE'"
    " where d.status = 'PENDING' and d.next_attempt_at < now()",
}
