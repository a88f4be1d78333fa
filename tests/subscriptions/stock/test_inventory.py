"""The stream of a store's inventory: quantities for staff, availability for others, rate limit."""

import asyncio
import time
from uuid import UUID

import pytest

from database.scope import PLATFORM
from models.catalog import Listing, Product
from models.ids import encode_id
from resolvers.context import Container
from services.events.event_log import inventory_stream, record_event
from tests.support import city as cities
from tests.support.actors import ActorClient
from tests.support.city import City
from tests.support.streams.inventory import (
    ORIGIN,
    product_ids,
    set_on_hand,
    subscribe_inventory,
)
from tests.support.streams.subscriber import subscribe

ON_HAND = 50


@pytest.fixture
async def own_city(container: Container) -> City:
    """A city whose stock only this test changes."""
    return await cities.build_city(container.database, on_hand=ON_HAND)


async def test_others_receive_availability_and_only_its_changes(
    nobody: ActorClient, container: Container, own_city: City
) -> None:
    async with subscribe_inventory(
        nobody, own_city, productIds=product_ids(own_city, 0, 1)
    ) as subscription:
        snapshot = await subscription.next_message()
        assert snapshot["kind"] == "SNAPSHOT"
        assert {change["availability"] for change in snapshot["changes"]} == {"IN_STOCK"}
        assert sorted(change["productId"] for change in snapshot["changes"]) == sorted(
            product_ids(own_city, 0, 1)
        )
        assert snapshot["changes"][0]["product"]["price"]["currency"] == "EUR"
        await set_on_hand(container, own_city, 0, 40)
        await set_on_hand(container, own_city, 2, 0)
        await set_on_hand(container, own_city, 0, 3)
        [change] = (await subscription.next_message())["changes"]
        assert (change["productId"], change["availability"]) == (
            *product_ids(own_city, 0),
            "LOW_STOCK",
        )
        await set_on_hand(container, own_city, 1, 0)
        [change] = (await subscription.next_message())["changes"]
        assert (change["productId"], change["availability"]) == (
            *product_ids(own_city, 1),
            "OUT_OF_STOCK",
        )


async def test_quantities_are_visible_to_the_stores_staff_only(
    nobody: ActorClient,
    customer: ActorClient,
    picker: ActorClient,
    container: Container,
    shared_city: City,
    own_city: City,
) -> None:
    for stranger, code in ((nobody, "UNAUTHENTICATED"), (customer, "FORBIDDEN")):
        async with subscribe_inventory(
            stranger, own_city, "inventory_counted", productIds=product_ids(own_city, 0)
        ) as subscription:
            answer = await subscription.next_answer()
            assert {error["extensions"]["code"] for error in answer.errors or []} == {code}
            assert answer.data is not None
            [change] = answer.data["stockChanged"]["changes"]
            assert change["onHand"] is change["reserved"] is change["available"] is None
    async with subscribe_inventory(
        picker, own_city, "inventory_counted", productIds=product_ids(own_city, 0)
    ) as subscription:
        [change] = (await subscription.next_message())["changes"]
        assert change["onHand"] is None  # staff, but of another company's store
    async with subscribe_inventory(
        picker, shared_city, "inventory_counted", productIds=product_ids(shared_city, 0)
    ) as subscription:
        [change] = (await subscription.next_message())["changes"]
        assert change["onHand"] - change["reserved"] == change["available"]
        assert change["version"] >= 1


async def test_many_changes_are_delivered_at_most_seven_times_a_second(
    super_admin: ActorClient, container: Container, own_city: City
) -> None:
    async with subscribe_inventory(super_admin, own_city, "inventory_counted") as subscription:
        assert (await subscription.next_message())["changes"] == []
        started_at = time.monotonic()
        for units in range(60):
            await set_on_hand(container, own_city, units % 3, 100 + units)
        latest: dict[str, int] = {}
        while sorted(latest.values()) != [157, 158, 159]:
            message = await subscription.next_message()
            changed = [change["productId"] for change in message["changes"]]
            assert len(changed) == len(set(changed))
            latest.update((change["productId"], change["onHand"]) for change in message["changes"])
        elapsed_seconds = time.monotonic() - started_at
        assert len(subscription.messages) - 1 <= 7 * elapsed_seconds + 2
    last_cursor = subscription.messages[-1]["cursor"]
    async with subscribe_inventory(
        super_admin, own_city, "inventory_counted", after=last_cursor
    ) as subscription:
        with pytest.raises(TimeoutError):
            await subscription.next_message(seconds=0.5)


async def test_a_cursor_resumes_with_the_changes_since(
    nobody: ActorClient, container: Container, own_city: City
) -> None:
    async with subscribe_inventory(
        nobody, own_city, productIds=product_ids(own_city, 0, 1)
    ) as subscription:
        cursor = (await subscription.next_message())["cursor"]
    await set_on_hand(container, own_city, 0, 2)
    async with subscribe_inventory(
        nobody, own_city, productIds=product_ids(own_city, 0, 1), after=cursor
    ) as subscription:
        message = await subscription.next_message()
    assert message["kind"] == "EVENT"
    assert [change["availability"] for change in message["changes"]] == ["LOW_STOCK"]


async def test_an_unpublished_product_is_out_of_stock_whatever_its_stock(
    nobody: ActorClient, container: Container, own_city: City
) -> None:
    product = own_city.products[0].id
    async with subscribe_inventory(nobody, own_city) as subscription:
        assert (await subscription.next_message())["changes"] == []
        await set_published(container, own_city, product, False)
        [change] = (await subscription.next_message())["changes"]
        assert change["availability"] == "OUT_OF_STOCK"
        await set_on_hand(container, own_city, 0, 60)
        await asyncio.sleep(0.3)
        await set_published(container, own_city, product, True)
        [change] = (await subscription.next_message())["changes"]
        assert change["availability"] == "IN_STOCK"


async def set_published(
    container: Container, city: City, product_id: UUID, published: bool
) -> None:
    async with container.database.write(PLATFORM, ORIGIN) as session:
        key = {"store_id": city.near.id, "product_id": product_id}
        listing = await session.get_one(Listing, key)
        listing.available = published
        body = {"product_id": product_id, "price_minor": 1, "available": published, "version": 2}
        stream = inventory_stream(city.near.id)
        record_event(session, stream, "LISTING_CHANGED", body, company_id=city.company.id)


async def test_unknown_stores_and_invalid_product_lists_are_refused(
    nobody: ActorClient, own_city: City
) -> None:
    async with subscribe(nobody, "stock_changed", storeId="sto_x") as subscription:
        assert await subscription.final_error_code() == "NOT_FOUND"
    async with subscribe_inventory(nobody, own_city, productIds=["x"]) as subscription:
        assert await subscription.final_error_code() == "NOT_FOUND"
    async with subscribe_inventory(nobody, own_city, productIds=[]) as subscription:
        assert await subscription.final_error_code() == "INVALID_INPUT"
    too_many = [encode_id(Product, UUID(int=n << 64)) for n in range(1, 202)]
    async with subscribe_inventory(nobody, own_city, productIds=too_many) as subscription:
        assert await subscription.final_error_code() == "INVALID_INPUT"
