"""What row-level security lets a transaction see."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Scope:
    """The visible rows: those of a person, those of companies, or all.

    Orders and what belongs to them are visible in all stores of `order_companies` and in
    `order_stores`; everything else of a company is visible in all of `companies`.
    """

    person_id: UUID | None = None
    companies: tuple[UUID, ...] = ()
    platform: bool = False
    order_companies: tuple[UUID, ...] = ()
    order_stores: tuple[UUID, ...] = ()

    def with_company(self, company_id: UUID) -> "Scope":
        """The same person acting inside one company, after a rule has allowed it."""
        return Scope(self.person_id, (company_id,), self.platform, (company_id,))

    def settings(self) -> dict[str, str]:
        """The settings that the policies read."""
        return {
            "app.person": str(self.person_id or ""),
            "app.companies": _array(self.companies),
            "app.platform": "on" if self.platform else "off",
            "app.order_companies": _array(self.order_companies),
            "app.order_stores": _array(self.order_stores),
        }


def _array(keys: Iterable[UUID]) -> str:
    return "{" + ",".join(map(str, keys)) + "}"


NOBODY = Scope()
PLATFORM = Scope(platform=True)
COMPANY_SETTINGS = ("app.companies", "app.order_companies")
"""The settings that open the rows of a company to a transaction."""
