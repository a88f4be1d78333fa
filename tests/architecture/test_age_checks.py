"""Nothing for adults is handed over without a check: every way into the customer's hands."""

from database.base import uuid7
from models.delivery import DeliveryStatus
from models.identity import Actor, Grant, Role
from models.orders import AgeCheckResult
from server.commands.states import find_machines

HANDED_OVER = {"DELIVERED", "COLLECTED"}
MACHINES = [
    machine for machine in find_machines() if "age_result" in machine.model.__table__.columns
]


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
                for result in (None, AgeCheckResult.FAILED):
                    row.age_result = result
                    assert step.action not in machine.available_actions(row, everybody)
                row.age_result = AgeCheckResult.PASSED
                assert step.action in machine.available_actions(row, everybody)
                ways += 1
    assert ways > len(DeliveryStatus.__members__) // 3
