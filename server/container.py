"""Builds the dependencies of a process from its settings, and closes them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from database.announcer import EventNotice
from database.sessions import Database
from gateways.mail import LoggingMailSender, MailSender, SmtpMailSender
from gateways.objects import DiskObjects, ObjectStorage, S3Objects
from gateways.payments import StripePaymentGateway
from gateways.sms import LoggingSmsSender, SmsSender, TwilioSmsSender
from gateways.storage import DiskStorage
from gateways.webhook import PublicWebhookClient
from resolvers.context import Container
from server.settings import Settings
from services.core.contacts.email_addresses import EmailDomains
from subscriptions.engine.hub import Hub
from workflows.delivery.position_ingest import PositionIngest
from workflows.files.complete_upload import file_checks
from workflows.identity.authenticator import Authenticator
from workflows.messages import MessageSender
from workflows.payments.settlement_trigger import SettlementTrigger
from workflows.stock.reservation_batcher import ReservationBatcher

NO_BROKER = "memory://"
OBJECTS_FOLDER = "objects"


@asynccontextmanager
async def open_container(settings: Settings) -> AsyncIterator[Container]:
    """The dependencies of a serving process, with their background work, for the block."""
    async with AsyncExitStack() as stack:
        # Each is registered as soon as it is built: building the next one may fail.
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        payments = build_payments(settings)
        stack.push_async_callback(payments.close)
        sms = build_sms(settings)
        stack.push_async_callback(sms.close)
        hub = Hub(database, settings.redis_url or NO_BROKER)
        stack.push_async_callback(hub.close)
        objects = build_objects(settings)
        stack.push_async_callback(objects.close)
        settlements = SettlementTrigger(database, payments)
        stack.push_async_callback(settlements.close)
        _subscribe(database, hub, settlements)
        container = Container(
            database=database,
            reservation_queue=ReservationBatcher(database),
            positions=PositionIngest(database),
            payments=payments,
            sms=sms,
            authenticator=Authenticator(keys_file=Path(settings.keys_file), database=database),
            streams=hub,
            files=file_checks(database, objects),
            webhooks=PublicWebhookClient(settings.webhook_allowed),
            unpaid_limits=settings.unpaid_limits,
            email_domains=EmailDomains.ANY if settings.development else EmailDomains.PUBLIC,
        )
        await hub.start()
        stack.push_async_callback(container.reservation_queue.close)
        stack.push_async_callback(container.positions.close)
        container.reservation_queue.start()
        container.positions.start()
        yield container


def offline_container(settings: Settings, database: Database) -> Container:
    """The dependencies of a process that serves no clients: nothing runs in the background."""
    return Container(
        database=database,
        reservation_queue=ReservationBatcher(database),
        positions=PositionIngest(database),
        payments=build_payments(settings),
        sms=build_sms(settings),
        authenticator=Authenticator(keys_file=Path(settings.keys_file), database=database),
        streams=Hub(database, NO_BROKER),
        files=file_checks(database, build_objects(settings)),
        webhooks=PublicWebhookClient(settings.webhook_allowed),
    )


@asynccontextmanager
async def open_worker_database(settings: Settings) -> AsyncIterator[Database]:
    """The database of a worker process, whose committed events reach the servers' subscribers."""
    database = Database(settings.database_url, pool_size=5)
    hub = Hub(database, settings.redis_url or NO_BROKER)
    database.announcer.subscribe(hub.publish_events)
    await hub.start()
    try:
        yield database
    finally:
        await hub.close()
        await database.close()


def build_payments(settings: Settings) -> StripePaymentGateway:
    """The card provider: Stripe, or a server that speaks its protocol at the set address."""
    return StripePaymentGateway(
        secret_key=settings.stripe_api_key,
        webhook_secret=settings.stripe_webhook_secret,
        api_base=settings.stripe_api_base,
    )


def build_sms(settings: Settings) -> SmsSender:
    """Twilio if it is configured; otherwise the log, which only development allows."""
    if settings.sms_account:
        return TwilioSmsSender(
            account=settings.sms_account,
            token=settings.sms_token,
            sender=settings.sms_from,
            **({"api_base": settings.sms_api_base} if settings.sms_api_base else {}),
        )
    return LoggingSmsSender()


def build_mail(settings: Settings) -> MailSender:
    """The mail server if one is configured; otherwise the log, which only development allows."""
    smtp = settings.smtp
    if smtp is None:
        return LoggingMailSender()
    return SmtpMailSender(
        host=smtp.host,
        port=smtp.port,
        sender=smtp.sender,
        user=smtp.user,
        password=smtp.password,
        security=smtp.security,
    )


def build_messages(settings: Settings, container: Container) -> MessageSender:
    """The sender of queued messages, for a worker process."""
    return MessageSender(
        database=container.database,
        sms=container.sms,
        mail=build_mail(settings),
        signer=container.authenticator,
        app_url=settings.app_url,
    )


def build_storage(settings: Settings) -> DiskStorage:
    """The folder of uploaded files, shared by servers and workers."""
    return DiskStorage(Path(settings.files_folder))


def build_objects(settings: Settings) -> ObjectStorage:
    """The bucket of files that people send if one is set; otherwise a folder beside the others."""
    if settings.bucket is not None:
        return S3Objects(settings.bucket)
    return DiskObjects(Path(settings.files_folder) / OBJECTS_FOLDER)


def _subscribe(database: Database, hub: Hub, settlements: SettlementTrigger) -> None:
    """Pass committed events to subscribers first, then to the settlement of payments."""

    async def request_settlements(notices: Sequence[EventNotice]) -> None:
        settlements.handle_events(notices)

    database.announcer.subscribe(hub.publish_events)
    database.announcer.subscribe(request_settlements)
