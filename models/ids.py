"""Public ids: a prefix that says the noun, then the key in 22 URL-safe characters."""

from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Callable
from functools import cache
from uuid import UUID

from models.address import Address
from models.alert import StockAlert
from models.app import App, AppSecret
from models.base import Keyed
from models.batch import BatchRecall, StockBatch
from models.brand import Brand
from models.cart import Cart
from models.category import Category
from models.company import Company
from models.counter_sale import CounterSale
from models.delivery import Delivery, DeliveryOffer
from models.fulfillment import Fulfillment, FulfillmentLine
from models.job import JobFailure
from models.order import Order, OrderLine
from models.payment import Payment, Refund
from models.person import Membership, Person
from models.price_change import PriceChange
from models.product import Product
from models.purchase_order import GoodsReceipt, PurchaseOrder
from models.rider import Rider
from models.session import SignInSession
from models.stock import StockEntry
from models.stock_count import StockCount
from models.stock_import import StockImport, StockSet, StockUpload
from models.store import Store
from models.substitute import Substitute
from models.supplier import Supplier
from models.ticket import Ticket, TicketMessage
from models.transfer import Transfer, TransferLine
from models.webhook import WebhookDelivery, WebhookEndpoint

PREFIXES: dict[type[Keyed], str] = {
    Address: "adr",
    App: "app",
    AppSecret: "sec",
    BatchRecall: "rcl",
    Brand: "brd",
    Cart: "crt",
    Category: "cat",
    Company: "com",
    CounterSale: "cns",
    Delivery: "dlv",
    DeliveryOffer: "off",
    Fulfillment: "ful",
    FulfillmentLine: "fln",
    GoodsReceipt: "grc",
    JobFailure: "jbf",
    Membership: "mem",
    Order: "ord",
    OrderLine: "oln",
    Payment: "pay",
    Person: "per",
    PriceChange: "prc",
    Product: "prd",
    PurchaseOrder: "pur",
    Refund: "ref",
    Rider: "rid",
    SignInSession: "ses",
    StockAlert: "alt",
    StockBatch: "bat",
    StockCount: "cnt",
    StockEntry: "ske",
    StockImport: "imp",
    StockSet: "set",
    StockUpload: "upl",
    Store: "sto",
    Supplier: "sup",
    Substitute: "sub",
    Ticket: "tic",
    TicketMessage: "msg",
    Transfer: "trf",
    TransferLine: "tfl",
    WebhookDelivery: "whd",
    WebhookEndpoint: "whe",
}
MODELS = {prefix: model for model, prefix in PREFIXES.items()}
KEY_LENGTH = 22
URL_SAFE = bytes.maketrans(b"+/", b"-_")
PADDING = b"=\n"
ID_LENGTH = 3 + 1 + KEY_LENGTH


def encode(model: type[Keyed], key: UUID) -> str:
    """The public id of a row, such as `ord_AZq3…` (26 characters)."""
    return encoder(model)(key)


@cache
def encoder(model: type[Keyed]) -> Callable[[UUID], str]:
    """What makes the public ids of a noun."""
    mapped: type[Keyed] = model.__mapper__.class_  # a light row is of a class below its model
    prefix = f"{PREFIXES[mapped]}_"

    def encode(key: UUID) -> str:
        return prefix + b2a_base64(key.bytes).translate(URL_SAFE, PADDING).decode("ascii")

    return encode


def decode(model: type[Keyed], text: str) -> UUID | None:
    """The key behind a public id, or None when it is not an id of this noun."""
    if len(text) != ID_LENGTH or not text.startswith(f"{PREFIXES[model]}_"):
        return None
    try:
        key = UUID(bytes=urlsafe_b64decode(text[4:] + "=="))
    except ValueError:
        return None
    return key if encode(model, key) == text else None


def noun(text: str) -> type[Keyed] | None:
    """Which noun an id speaks of, or None."""
    return MODELS.get(text.partition("_")[0])
