"""Whose buckets pay: the person's or app's and their companies', or the address's."""

from dataclasses import dataclass

from models.identity import Actor
from server.rate_limit.bucket import Size
from services.core.address_rate_limit import counted

FULL_AFTER_SECONDS = 40
# Many strangers share one address behind a carrier or an office; a company's desks share its own.
PEOPLE_AT_AN_ADDRESS = 5
PEOPLE_IN_A_COMPANY = 50
# An app does for many what people do one by one, and must leave its company room for its people.
PEOPLE_IN_AN_APP = 10
COMPANIES_COUNT = 5


@dataclass(frozen=True, slots=True)
class Sizes:
    """The four kinds of buckets."""

    person: Size
    address: Size
    company: Size
    app: Size

    @classmethod
    def of(cls, person_per_second: int) -> "Sizes":
        """The usual sizes around what flows back to one person in a second."""

        def size(people: int) -> Size:
            per_second = people * person_per_second
            return Size(per_second * FULL_AFTER_SECONDS, per_second)

        many = (1, PEOPLE_AT_AN_ADDRESS, PEOPLE_IN_A_COMPANY, PEOPLE_IN_AN_APP)
        return cls(*map(size, many))

    def wanted(self, actor: Actor, address: str) -> list[tuple[str, Size]]:
        """The buckets of one caller; none for a stranger on this machine.

        What calls from here without a name is a proxy or a simulation, which speaks for many.
        """
        if actor.person_id is None:
            return [(f"address:{address}", self.address)] if counted(address) else []
        companies = actor.companies[:COMPANIES_COUNT]
        own = (f"person:{actor.person_id}", self.person)
        if actor.app_id is not None:
            own = (f"app:{actor.app_id}", self.app)
        return [
            own,
            *((f"company:{company}", self.company) for company in companies),
        ]
