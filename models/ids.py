"""Public ids: a prefix for the model, then the key in 22 URL-safe characters."""

from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Callable
from functools import cache
from uuid import UUID

from database.base import Entity
from models.accounts import Address, Invitation, Membership, User
from models.alerts import StockAlert
from models.carts import Cart
from models.catalog import Brand, Category, Product, ScheduledPrice
from models.companies import Company
from models.counter_sales import PosSale
from models.counting import StockCount
from models.delivery import Delivery, DeliveryOffer
from models.files import File
from models.fulfillment import Fulfillment, FulfillmentLine, PutBackLine, Substitution
from models.identity import SignInSession
from models.imports import StockBulkUpdate, StockImport, StockImportFile
from models.integrations import App, AppSecret, WebhookDelivery, WebhookEndpoint
from models.operations import JobFailure
from models.orders import Order, OrderChange, OrderLine
from models.payments import Dispute, Payment, Refund
from models.purchasing import GoodsReceipt, PurchaseOrder, Supplier
from models.riders import Rider
from models.stock import BatchRecall, StockBatch, StockMovement
from models.stores import Store
from models.support import Ticket, TicketMessage
from models.transfers import StockTransfer, StockTransferLine

PREFIXES: dict[type[Entity], str] = {
    Address: "adr",
    App: "app",
    AppSecret: "sec",
    BatchRecall: "rcl",
    Brand: "brd",
    Cart: "crt",
    Category: "cat",
    Company: "com",
    PosSale: "cns",
    Delivery: "dlv",
    DeliveryOffer: "off",
    Dispute: "dsp",
    File: "fil",
    Fulfillment: "ful",
    FulfillmentLine: "fln",
    GoodsReceipt: "grc",
    Invitation: "inv",
    JobFailure: "jbf",
    Membership: "mem",
    Order: "ord",
    OrderChange: "och",
    OrderLine: "oln",
    Payment: "pay",
    User: "per",
    ScheduledPrice: "prc",
    Product: "prd",
    PurchaseOrder: "pur",
    PutBackLine: "pbl",
    Refund: "ref",
    Rider: "rid",
    SignInSession: "ses",
    StockAlert: "alt",
    StockBatch: "bat",
    StockCount: "cnt",
    StockMovement: "ske",
    StockImport: "imp",
    StockBulkUpdate: "set",
    StockImportFile: "upl",
    Store: "sto",
    Supplier: "sup",
    Substitution: "sub",
    Ticket: "tic",
    TicketMessage: "msg",
    StockTransfer: "trf",
    StockTransferLine: "tfl",
    WebhookDelivery: "whd",
    WebhookEndpoint: "whe",
}
MODELS = {prefix: model for model, prefix in PREFIXES.items()}
KEY_LENGTH = 22
URL_SAFE = bytes.maketrans(b"+/", b"-_")
PADDING = b"=\n"
ID_LENGTH = 3 + 1 + KEY_LENGTH


def encode_id(model: type[Entity], key: UUID) -> str:
    """Return the public id of a row, such as `ord_AZq3…` (26 characters)."""
    return id_encoder(model)(key)


@cache
def id_encoder(model: type[Entity]) -> Callable[[UUID], str]:
    """Return the function that encodes keys of a model as public ids."""
    mapped: type[Entity] = model.__mapper__.class_  # a read-only row has a subclass of its model
    prefix = f"{PREFIXES[mapped]}_"

    def encode(key: UUID) -> str:
        return prefix + b2a_base64(key.bytes).translate(URL_SAFE, PADDING).decode("ascii")

    return encode


def decode_id(model: type[Entity], text: str) -> UUID | None:
    """Return the key in a public id, None unless it is an id of this model."""
    if len(text) != ID_LENGTH or not text.startswith(f"{PREFIXES[model]}_"):
        return None
    try:
        key = UUID(bytes=urlsafe_b64decode(text[4:] + "=="))
    except ValueError:
        return None
    return key if encode_id(model, key) == text else None


def model_of_id(text: str) -> type[Entity] | None:
    """Return the model of a public id by its prefix, None for an unknown prefix."""
    return MODELS.get(text.partition("_")[0])
