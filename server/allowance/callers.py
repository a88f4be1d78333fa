"""Whose buckets pay for an operation: the person's and their companies', or the address's."""

from dataclasses import dataclass

from models.actor import Actor
from server.allowance.bucket import Size
from services.pace import counted

FULL_AFTER_SECONDS = 40
# Many strangers share one address behind a carrier or an office; a company's desks share its own.
PEOPLE_AT_AN_ADDRESS = 5
PEOPLE_IN_A_COMPANY = 50
COMPANIES_COUNT = 5


@dataclass(frozen=True, slots=True)
class Sizes:
    """The three kinds of buckets."""

    person: Size
    address: Size
    company: Size

    @classmethod
    def of(cls, person_per_second: int) -> "Sizes":
        """The usual sizes around what flows back to one person in a second."""

        def size(people: int) -> Size:
            per_second = people * person_per_second
            return Size(per_second * FULL_AFTER_SECONDS, per_second)

        return cls(size(1), size(PEOPLE_AT_AN_ADDRESS), size(PEOPLE_IN_A_COMPANY))

    def wanted(self, actor: Actor, address: str) -> list[tuple[str, Size]]:
        """The buckets of one caller; none for a stranger on this machine.

        What calls from here without a name is a proxy or a simulation, which speaks for many.
        """
        if actor.person_id is None:
            return [(f"address:{address}", self.address)] if counted(address) else []
        companies = actor.companies[:COMPANIES_COUNT]
        return [
            (f"person:{actor.person_id}", self.person),
            *((f"company:{company}", self.company) for company in companies),
        ]
