"""Nothing for adults is handed over without a check: every way into the customer's hands."""

import re

from database.base import uuid7
from models.delivery import DeliveryStatus
from models.identity import Actor, Grant, Role
from models.orders import AgeCheckResult
from models.stock import StockMovementReason
from server.commands.states import find_machines
from services.stock import adjustments, bulk_adjustments
from tests.services.orders.test_age_entry_points import WAYS
from tests.support.paths import ROOT

HANDED_OVER = {"DELIVERED", "COLLECTED"}
MACHINES = [
    machine for machine in find_machines() if "age_check_result" in machine.model.__table__.columns
]

# Reasons by which units go to a person; the others keep them in a store, or nobody gets them.
TO_PERSONS = {StockMovementReason.SALE, StockMovementReason.POS_SALE}
TO_NOBODY = {
    StockMovementReason.OPENING_BALANCE, StockMovementReason.RESTOCK,
    StockMovementReason.PICK_SHORTAGE, StockMovementReason.ADJUSTMENT,
    StockMovementReason.RECEIPT, StockMovementReason.DAMAGE, StockMovementReason.WASTE,
    StockMovementReason.RECALL,
    StockMovementReason.EXPIRY, StockMovementReason.PICK, StockMovementReason.INCOMING,
    StockMovementReason.TRANSFER_OUT,
    StockMovementReason.TRANSFER_IN, StockMovementReason.TRANSFER_SHORTAGE,
    StockMovementReason.COUNT, StockMovementReason.IMPORT, StockMovementReason.OUT_OF_STOCK,
}  # fmt: skip
# Modules that sell units, and the module that has asked for the age before.
SELLERS = {
    "services/checkout/change_application.py": "services/checkout/change_pricing.py",
    "services/checkout/payment_outcomes.py": "services/carts/sourcing_plans.py",
    "services/counter_sales/counter_sales.py": "services/counter_sales/counter_sales.py",
    "services/fulfillment/rerouting.py": "services/carts/sourcing_plans.py",
    "services/fulfillment/substitute_stock.py": "services/fulfillment/substitutions.py",
    "services/stock/damaged_units.py": "services/carts/sourcing_plans.py",
    "services/stock/reservation_store.py": "services/carts/sourcing_plans.py",
}
# Machines whose rows are no goods on their way to a person.
WITHOUT_GOODS = {
    "DeliveryOffer", "Dispute", "File", "Hold", "Invitation", "OrderChange", "OutgoingMessage",
    "Payment", "ScheduledPrice", "PurchaseOrder", "Refund", "Rider", "StockAlert", "StockBatch",
    "StockCount", "StockImport", "Store", "Ticket", "Transfer", "WebhookDelivery",
    "WebhookEndpoint",
}  # fmt: skip
# Machines that follow others: goods of these change hands by a Delivery or a Fulfillment.
FOLLOWERS = {"FulfillmentLine", "Order", "Substitution"}
SOLD = re.compile(r"StockMovementReason\.(SALE|POS_SALE)\b")
ASKED = re.compile(r"\bage_problems\(")


def users(pattern: re.Pattern[str], *packages: str) -> set[str]:
    paths = (path for package in packages for path in (ROOT / package).rglob("*.py"))
    found = {
        path.relative_to(ROOT).as_posix() for path in paths if pattern.search(path.read_text())
    }
    # The first is asked by the others, the second only says what each reason means.
    return found - {"services/carts/age_restrictions.py", "services/stock/corrections.py"}


def test_every_module_that_sells_units_has_asked_for_the_age() -> None:
    """A new way to sell units is listed with the module that asks, and is played as the others."""
    everywhere = ("services", "workflows", "jobs", "resolvers")
    assert users(SOLD, *everywhere) == SELLERS.keys()
    assert users(ASKED, *everywhere) == WAYS.keys() == set(SELLERS.values())
    assert set(StockMovementReason) == TO_PERSONS | TO_NOBODY


def test_nobody_sells_units_by_a_correction_of_stock() -> None:
    corrections = adjustments.MANUAL_REASONS | bulk_adjustments.BULK_REASONS
    assert not corrections & TO_PERSONS


def test_every_machine_says_whether_goods_change_hands_by_it() -> None:
    """The check of the age is in the row of each one by which they do, or of the sale at once."""
    checked = {machine.name for machine in MACHINES} | {"PosSale"}
    assert {one.name for one in find_machines()} == checked | FOLLOWERS | WITHOUT_GOODS


def test_no_way_to_the_customer_avoids_the_check_of_the_age() -> None:
    """Neither rider, store, support nor super admin hands over bags whose check is open."""
    rider = uuid7()
    everybody = Actor(rider, uuid7(), tuple(Grant(role) for role in Role))
    ways = 0
    for machine in MACHINES:
        steps = [
            t for t in machine.transitions if {str(target) for target in t.targets} & HANDED_OVER
        ]
        for step in steps:
            for status in step.sources:
                row = machine.model(company_id=uuid7(), store_id=uuid7(), minimum_age=18)
                for column in machine.model.__table__.columns:
                    if column.name.endswith(("_tries", "_attempts")):
                        setattr(row, column.name, 0)
                row.rider_person_id = rider
                row.status = status
                actors = (everybody, Actor(uuid7(), uuid7(), everybody.grants))
                for result in (None, AgeCheckResult.FAILED):
                    row.age_check_result = result
                    for one in actors:
                        assert step.action not in machine.available_actions(row, one)
                row.age_check_result = AgeCheckResult.PASSED
                assert any(step.action in machine.available_actions(row, one) for one in actors)
                ways += 1
    assert ways > len(DeliveryStatus.__members__) // 3
