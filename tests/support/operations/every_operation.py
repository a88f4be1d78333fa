"""Plays every story, in which each client operation is executed by each of its readers."""

from tests.support.actors import InMemorySms
from tests.support.operations import (
    daily_work,
    failed_deliveries,
    file_work,
    identity_work,
    integrations,
    payment_work,
    picking_exceptions,
    pickups,
    stock_work,
    store_work,
)
from tests.support.operations.player import OperationPlayer
from tests.support.operations.purchasing_work import supply_store


async def play_every_operation(play: OperationPlayer, sms: InMemorySms) -> None:
    """Execute each client operation at least once for each of its readers."""
    await daily_work.sign_in_and_out(play, sms)
    await daily_work.shop(play)
    order = await daily_work.deliver_order(play)
    await daily_work.complain(play, order)
    await payment_work.handle_payment_problems(play, order)
    await daily_work.cancel_and_reject(play)
    await payment_work.change_paid_orders(play)
    await picking_exceptions.substitute_short_line(play)
    await picking_exceptions.pick_weighed_line(play)
    await failed_deliveries.return_delivery(play)
    await failed_deliveries.try_again(play)
    await pickups.collect_order(play)
    await daily_work.manage_store(play)
    await stock_work.play_transfers(play)
    await stock_work.play_stock_counts(play)
    await stock_work.play_stock_imports(play)
    await file_work.play_files(play)
    await store_work.play_batches(play)
    await store_work.play_product_codes(play)
    await supply_store(play)
    await store_work.play_process_stats(play)
    await integrations.manage_apps(play)
    await integrations.manage_webhooks(play)
    await integrations.retry_job_failures(play)
    await identity_work.manage_account(play, sms)
    await identity_work.manage_invitations(play, "manager")
    await identity_work.manage_invitations(play, "owner")
    await daily_work.create_company_and_store(play)
