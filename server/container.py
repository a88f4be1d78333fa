"""Builds the handles that a process shares, out of its settings, and closes them again."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from database.sessions import Announce, Database, Hint
from gateways.payments import StripePayments
from gateways.sms import LoggedSms, Sms, TwilioSms
from gateways.webhook import PublicWebhooks
from resolvers.context import House
from server.settings import Settings
from subscriptions.engine.hub import Hub
from workflows.delivery.position_ingest import Positions
from workflows.identity.authenticator import Identity
from workflows.payments.settlement_trigger import Nudges
from workflows.stock.reservation_batcher import Combiner


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """The house of this process, its hub and combiner at work until the block ends."""
    async with AsyncExitStack() as opened:
        # Each is to be closed from the moment it is there: the next may fail to open.
        database = Database(settings.database_url)
        opened.push_async_callback(database.close)
        payments = open_payments(settings)
        opened.push_async_callback(payments.close)
        sms = open_sms(settings)
        opened.push_async_callback(sms.close)
        hub = Hub(database, settings.redis_url or "memory://")
        opened.push_async_callback(hub.close)
        nudges = Nudges(database, payments)
        opened.push_async_callback(nudges.close)
        database.announce = announcing(hub, nudges)
        house = House(
            database=database,
            combiner=Combiner(database),
            positions=Positions(database),
            payments=payments,
            sms=sms,
            identity=Identity(keys_file=Path(settings.keys_file), database=database),
            streams=hub,
            webhooks=PublicWebhooks(settings.webhook_allowed),
        )
        await hub.start()
        opened.push_async_callback(house.combiner.close)
        opened.push_async_callback(house.positions.close)
        house.combiner.start()
        house.positions.start()
        yield house


def resting_house(settings: Settings, database: Database) -> House:
    """A house that nobody asks: its handles are there, and none of them works by itself."""
    return House(
        database=database,
        combiner=Combiner(database),
        positions=Positions(database),
        payments=open_payments(settings),
        sms=open_sms(settings),
        identity=Identity(keys_file=Path(settings.keys_file), database=database),
        streams=Hub(database, "memory://"),
        webhooks=PublicWebhooks(settings.webhook_allowed),
    )


def announcing(hub: Hub, nudges: Nudges) -> Announce:
    """Committed events go to the listeners, and wake whoever moves the money they ask for."""

    async def announce(hints: Sequence[Hint]) -> None:
        await hub.announce(hints)
        nudges.heard(hints)

    return announce


def open_payments(settings: Settings) -> StripePayments:
    """The card provider: Stripe, or whatever speaks its protocol at the set address."""
    return StripePayments(
        secret_key=settings.stripe_api_key,
        webhook_secret=settings.stripe_webhook_secret,
        api_base=settings.stripe_api_base,
    )


def open_sms(settings: Settings) -> Sms:
    """Twilio when it is set up; in development alone the log will do."""
    if settings.sms_account:
        return TwilioSms(
            account=settings.sms_account,
            token=settings.sms_token,
            sender=settings.sms_from,
            **({"api_base": settings.sms_api_base} if settings.sms_api_base else {}),
        )
    return LoggedSms()
