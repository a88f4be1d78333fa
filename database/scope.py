"""What row-level security lets a transaction see."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Scope:
    """The visible rows: those of a person, those of companies, or all."""

    person_id: UUID | None = None
    companies: tuple[UUID, ...] = ()
    platform: bool = False

    def with_company(self, company_id: UUID) -> "Scope":
        """The same person acting inside one company, after a rule has allowed it."""
        return Scope(self.person_id, (company_id,), self.platform)

    def settings(self) -> dict[str, str]:
        """The settings that the policies read."""
        return {
            "app.person": str(self.person_id or ""),
            "app.companies": "{" + ",".join(map(str, self.companies)) + "}",
            "app.platform": "on" if self.platform else "off",
        }


NOBODY = Scope()
PLATFORM = Scope(platform=True)
