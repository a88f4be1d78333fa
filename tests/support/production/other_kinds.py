"""Work that is no ordinary operation: documents, refusals, sign-ins, zones, PDFs and files."""

import itertools
import json
import math
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import select

from database.audit import AuditContext
from database.scope import PLATFORM
from models.counter_sales import PosSale
from models.fulfillment import Fulfillment
from models.ids import encode_id
from models.imports import StockImport, StockImportErrorCode, StockImportRow
from resolvers import prices
from tests.support.graph_queries import public_id
from tests.support.operations.daily_work import sell_at_counter
from tests.support.operations.player import PASSWORD, Operation
from tests.support.operations.stock_work import play_stock_imports
from tests.support.production.harness import headers_of
from tests.support.production.measuring_player import MeasuringPlayer, document_of

Kind = Callable[[MeasuringPlayer], Awaitable[None]]
POINTS = 2_900
FILE_BYTES = 4 * 1024 * 1024
ERROR_ROWS = 1_000
CONDITIONS = 8
_numbers = itertools.count()


async def send_document(play: MeasuringPlayer, key: str, fields: str, head: str = "") -> None:
    """Send a document that the server has not seen, as staff, who may; it may be refused."""
    document = f"query N{next(_numbers)}{head} {{ {fields} }}"
    price = prices.document_price(document) + prices.request_price(len(document))
    await play.post(key, "manager", {"query": document}, price)


async def documents(play: MeasuringPlayer) -> None:
    """Valid, invalid and broken documents, each new."""
    unknown = " ".join(f"unknown{n}" for n in range(450))
    await send_document(play, "an invalid document of 450 fields", unknown)
    arguments = "(" + " ".join(f"x{n}: 1" for n in range(300)) + ")"
    await send_document(play, "an invalid document of 300 arguments", f"viewer{arguments} {{ id }}")
    await send_document(play, "a document that breaks off", "viewer { id ")
    nodes = " ".join(f'n{n}: node(id: "nothing") {{ id }}' for n in range(28))
    await send_document(play, "a new document of 28 nodes", nodes)
    await send_document(play, "a new document of one field", "schemaVersion")
    order = 'order(id: "x") { ' + "id code status stage " * 20 + "}"
    await send_document(play, "a new document of 80 equal fields", order)
    await send_document(play, "a document of many tokens", "a: __typename " * 300)


async def plans(play: MeasuringPlayer) -> None:
    """A known document with conditions that it had not before: the plans of all can't be kept."""
    heads = ", ".join(f"$c{n}: Boolean!" for n in range(CONDITIONS))
    fields = " ".join(
        f'f{n}: order(id: "x") @include(if: $c{n}) {{ id code stage lines {{ id name }} }}'
        for n in range(CONDITIONS)
    )
    document = f"query ({heads}) {{ {fields} }}"
    number = next(_numbers)
    values = {f"c{n}": bool(number >> n & 1) for n in range(CONDITIONS)}
    await play.post("a new plan", "manager", {"query": document, "variables": values})


async def refusals(play: MeasuringPlayer) -> None:
    """Operations whose variables are refused, small and large, and callers who are nobody."""
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    for key, ids in (("a refused variable", [1.5]), ("a refused list of 90 KB", [1.5] * 22_000)):
        body = {"query": document, "variables": {"ids": ids}}
        await play.post(key, "manager", body, prices.OPERATION + _size_price(body))
    body = {"query": document, "variables": {"ids": ["x"], "more": [[0]] * 14_000}}
    await play.post("an unused variable of 70 KB", "manager", body)
    [query] = [document_of(Operation("schema_version"))]
    price = prices.FAILED_AUTHENTICATION
    token, _ = play.container.authenticator.sign(play.clients["manager"].actor)
    for key, text in (("a forged token", token[:-8] + "AAAAAAAA"), ("an unknown key", "dk_none")):
        headers = {"authorization": f"Bearer {text}"}
        await play.request(key, price, "POST", "/graphql", json={"query": query}, headers=headers)
    signed = {"stripe-signature": "t=1,v1=00"}
    notice = b"x" * 200_000
    path = "/webhooks/stripe"
    await play.request("a forged webhook", price, "POST", path, content=notice, headers=signed)


async def sign_ins(play: MeasuringPlayer) -> None:
    """Passwords, one by one and many in a document."""
    # An account of its own: too many wrong passwords of one are refused without a hash.
    email = f"{next(_numbers)}@example.org"
    values = {"input": {"email": email, "password": PASSWORD}}
    document = document_of(Operation("password_sign_in"))
    await play.measure("a sign-in by password", "nobody", document, values)
    calls = " ".join(
        f"s{n}: passwordSignIn(input: $input) {{ errors {{ __typename }} }}" for n in range(20)
    )
    many = f"mutation ($input: PasswordSignInInput!) {{ {calls} }}"
    await play.measure("20 sign-ins in a document", "manager", many, values)


async def reference_executor(play: MeasuringPlayer) -> None:
    """The storefront with a directive that only graphql-core executes."""
    fields = "products(first: 20) { nodes { id name price { minorUnits formatted } availability } }"
    city = play.city
    at = f"location: {{latitude: {city.latitude}, longitude: {city.longitude}}}"
    document = f'{{ storefront({at}) @idempotent(key: "0123456789abcdef") {{ {fields} }} }}'
    await play.measure("executed by graphql-core", "manager", document, {})


def star(latitude: float, longitude: float) -> dict[str, Any]:
    """A valid polygon of many points."""
    ring = []
    for n in range(POINTS):
        radius, angle = (0.02, 0.03)[n % 2], 2 * math.pi * n / POINTS
        east, north = radius * math.cos(angle), radius * math.sin(angle)
        ring.append([round(longitude + east, 7), round(latitude + north, 7)])
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


async def zones(play: MeasuringPlayer) -> None:
    """A delivery zone of many points, valid and self-crossing."""
    document, store = document_of(Operation("store_zone_set")), play.city.far
    area = star(store.latitude, store.longitude)
    values = {"input": {"storeId": public_id(store), "deliveryZone": area}}
    await play.measure("a zone of 2,900 points", "owner", document, values)
    ring = area["coordinates"][0]
    area["coordinates"] = [[*ring[: POINTS // 2], *reversed(ring[POINTS // 2 : -1]), ring[0]]]
    await play.measure("a self-crossing zone", "owner", document, values)


async def pdfs(play: MeasuringPlayer) -> None:
    """Every document for printing."""
    models: dict[str, Any] = {"packing-slips": Fulfillment, "receipts": PosSale}
    ids = {"manifests": public_id(play.city.near)}
    async with play.container.database.read(PLATFORM) as session:
        for name, model in models.items():
            query = select(model.id).where(model.store_id == play.city.near.id).limit(1)
            key = (await session.scalars(query)).one()
            ids[name] = encode_id(model, key)
    for name, public in ids.items():
        headers = headers_of(play.clients["manager"])
        path = f"/documents/{name}/{public}.pdf"
        status = await play.request(f"a PDF of {name}", 0, "GET", path, headers=headers)
        assert status == 200, (name, status)


async def files(play: MeasuringPlayer) -> None:
    """An upload, and the download of the invalid rows of an import."""
    headers = headers_of(play.clients["owner"])
    content = b"store,product,quantity\n" + b"S1,P001,1\n" * (FILE_BYTES // 10)
    path = "/imports?name=stock.csv"
    await play.request("an upload of 4 MB", 0, "POST", path, content=content, headers=headers)
    async with play.container.database.read(PLATFORM) as session:
        query = select(StockImport.id).where(StockImport.company_id == play.city.company.id)
        key = (await session.scalars(query.limit(1))).one()
    price = prices.DOWNLOAD + prices.DOWNLOAD_PAGE * (ERROR_ROWS // 1_000)
    path = f"/imports/{encode_id(StockImport, key)}/errors.csv"
    before = play.spent["a download of 1,000 rows"].units
    status = await play.request("a download of 1,000 rows", price, "GET", path, headers=headers)
    assert status == 200
    play.spent["a download of 1,000 rows"].units = before + price


async def prepare_rows(play: MeasuringPlayer, *, with_story: bool) -> None:
    """What PDFs and downloads are about: an order, a sale, an import with invalid rows."""
    if with_story:
        await play.order()
        await sell_at_counter(play)
        await play_stock_imports(play)
    company = play.city.company.id
    async with play.container.database.write(PLATFORM, AuditContext("test:files")) as session:
        query = select(StockImport.id).where(StockImport.company_id == company).limit(1)
        key = (await session.scalars(query)).one()
        cells = {"store": "S1", "product": "P001", "quantity": "x", "field": "quantity"}
        session.add_all(
            StockImportRow(
                import_id=key, number=n, company_id=company, code=next(iter(StockImportErrorCode)),
                message="This is no number.", **cells,
            )
            for n in range(1, ERROR_ROWS + 1)
        )  # fmt: skip


async def tiny(play: MeasuringPlayer) -> None:
    """The cheapest of all requests."""
    await play.post("a document without a field", "manager", {"query": "{ __typename }"})


KINDS: tuple[Kind, ...] = (
    documents, plans, refusals, sign_ins, reference_executor, zones, pdfs, files, tiny,
)  # fmt: skip


def _size_price(body: Any) -> int:
    return prices.request_price(len(json.dumps(body)))
