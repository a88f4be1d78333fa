"""Who has or had the bags is their rider alone: other roles of theirs count for nothing there."""

from typing import Any

import pytest

from database.base import uuid7
from database.sessions import Database
from models.delivery import Delivery, DeliveryStatus
from models.fulfillment import Fulfillment
from models.identity import Actor, Grant, Role
from models.ids import encode_id
from services.core.problems import InvalidTransition
from services.delivery import deliveries, delivery_states, failed_attempts, reassignment
from services.delivery.delivery_states import CARRYING_STATUSES, TAKEN_BY_TWO
from services.fulfillment import handover
from tests.support import riders
from tests.support.carried_bags import OVERRIDE, CarriedBags, carried_bags
from tests.support.city import City
from tests.support.graph_queries import GraphRunner
from tests.support.paid_orders import OrderDependencies

RETURN_CODE = "query($id: ID!){delivery(id: $id){returnCode}}"
HANDOVER_CODE = "query($id: ID!){fulfillment(id: $id){handoverCode}}"


def with_role(bags: CarriedBags, role: Role) -> Actor:
    """The rider of these bags, who has a role in the store or in support too."""
    store_id = bags.delivery.store_id if role is Role.STORE_STAFF else None
    grant = Grant(role, bags.delivery.company_id, store_id)
    return Actor(bags.rider.person_id, grants=(*bags.rider.grants, grant))


async def read(database: Database, actor: Actor, query: str, row: Any) -> Any:
    """The one field of a row that a query reads."""
    answer = await GraphRunner(database)(query, {"id": encode_id(type(row), row.id)}, actor)
    (fields,) = answer.data.values()
    (value,) = fields.values()
    return value


async def test_a_rider_with_a_role_in_the_store_reads_no_code_of_a_handover(
    dependencies: OrderDependencies, city: City
) -> None:
    """The rider read the handover code as staff, before the delivery was theirs or while it was,
    and proved the handover to themselves with it.
    """
    database = dependencies.database
    order, task, staff, delivery, rider = await riders.assigned_delivery(dependencies, city)
    both = with_role(CarriedBags(order, delivery, rider, staff), Role.STORE_STAFF)
    colleague = Actor(uuid7(), grants=(*staff.grants, *rider.grants))
    assert await read(database, both, HANDOVER_CODE, task) is None
    assert await read(database, colleague, HANDOVER_CODE, task) is None
    assert await read(database, staff, HANDOVER_CODE, task) == task.handover_code
    assert isinstance(task, Fulfillment)


async def test_a_rider_with_a_role_in_the_store_reads_no_code_of_a_return(
    dependencies: OrderDependencies, city: City
) -> None:
    """The rider read the return code as staff, and returned bags that nobody else had seen."""
    bags = await carried_bags(dependencies, city, DeliveryStatus.RETURNING)
    assert isinstance(bags.delivery, Delivery)
    database, both = dependencies.database, with_role(bags, Role.STORE_STAFF)
    assert await read(database, both, RETURN_CODE, bags.delivery) is None
    code = await read(database, bags.staff, RETURN_CODE, bags.delivery)
    assert code == bags.delivery.return_code is not None


async def test_the_rider_gives_the_bags_to_nobody_else_as_staff(
    dependencies: OrderDependencies, city: City
) -> None:
    """The rider gave the delivery to a colleague who knew nothing of it, and confirmed the return
    as staff: not their own bags any more. Who had them before confirms neither.
    """
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.RETURNING)
    both = with_role(bags, Role.STORE_STAFF)
    await riders.bring_online(database, city, 1)
    arguments: dict[str, Any] = {"rider_id": city.riders[1].id, "override": OVERRIDE}
    problem = await riders.refused_step(
        database, both, bags.delivery, reassignment.reassign, **arguments
    )
    assert isinstance(problem, InvalidTransition)
    assert problem.message == "You have or had these bags: somebody else has to do this."
    await riders.take_step(database, bags.staff, bags.delivery, reassignment.reassign, **arguments)
    for step in (handover.complete_return, deliveries.complete):
        problem = await riders.refused_step(database, both, bags.delivery, step, override=OVERRIDE)
        assert isinstance(problem, InvalidTransition)
    step = handover.complete_return
    returned = await riders.take_step(database, bags.staff, bags.delivery, step)
    assert returned.status is DeliveryStatus.RETURNED


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.STORE_STAFF, DeliveryStatus.RETURNING),
        (Role.SUPPORT_AGENT, DeliveryStatus.PICKED_UP),
        (Role.SUPPORT_AGENT, DeliveryStatus.AT_CUSTOMER),
        (Role.SUPPORT_AGENT, DeliveryStatus.RETURNING),
    ],
)
async def test_the_rider_completes_the_own_delivery_at_the_door_with_the_pin_alone(
    dependencies: OrderDependencies, city: City, role: Role, status: DeliveryStatus
) -> None:
    """The rider kept the bags and completed the delivery as staff, because "the rider can't be
    reached": without the PIN, far from the door.
    """
    bags = await carried_bags(dependencies, city, status)
    database, both = dependencies.database, with_role(bags, role)
    await riders.refused_step(database, both, bags.delivery, deliveries.complete, override=OVERRIDE)
    unchanged = await riders.delivery_of(database, bags.order)
    assert unchanged.status is status


async def test_the_rider_begins_no_attempt_as_support(
    dependencies: OrderDependencies, city: City
) -> None:
    """A rider in support turned back on the way to the store: another attempt of their own."""
    bags = await carried_bags(dependencies, city, DeliveryStatus.RETURNING)
    both = with_role(bags, Role.SUPPORT_AGENT)
    step = failed_attempts.attempt_again
    problem = await riders.refused_step(
        dependencies.database, both, bags.delivery, step, override=OVERRIDE
    )
    assert isinstance(problem, InvalidTransition)


def test_no_role_takes_a_step_of_two_persons_for_who_has_or_had_the_bags() -> None:
    """In every state: as super admin, staff, support agent, and as a rider who was dismissed."""
    company, store, person = uuid7(), uuid7(), uuid7()
    roles = tuple(Grant(role) for role in Role)
    for carrier in ("rider_person_id", "former_carriers"):
        delivery = Delivery(company_id=company, store_id=store, customer_id=uuid7())
        setattr(delivery, carrier, person if carrier == "rider_person_id" else [str(person)])
        delivery.failed_attempt_count = delivery.handover_tries = delivery.return_tries = 0
        delivery.pin_tries = 0
        for status in CARRYING_STATUSES | {DeliveryStatus.AT_STORE}:
            delivery.status = status
            machine = delivery_states.MACHINE
            own = machine.available_actions(delivery, Actor(person, uuid7(), roles))
            assert not TAKEN_BY_TWO & set(own), (carrier, status)
            others = machine.available_actions(delivery, Actor(uuid7(), uuid7(), roles))
            assert TAKEN_BY_TWO & set(others), (carrier, status)
