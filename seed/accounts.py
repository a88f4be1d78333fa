"""The demo accounts of a development store, and their shared password."""

from dataclasses import dataclass

from models.identity import Role

PASSWORD = "darkstore-demo-1"  # noqa: S105 - printed by `make run`; for development only
COMPANIES = ("harbour", "peak")
STORES = {"harbour": 12, "peak": 4}
STAFF_PER_STORE = 2
RIDERS = {"harbour": 240, "peak": 80}
SUPPORT_AGENTS = 3
CUSTOMERS = 200


@dataclass(frozen=True, slots=True)
class SeedAccount:
    """An account that signs in with e-mail and password; customers also by phone."""

    role: Role
    email: str
    name: str
    phone: str | None = None
    company: str | None = None
    store: int | None = None
    password: str = PASSWORD


FIRST_NAMES = (
    "Ana", "Rui", "Marta", "Tiago", "Inês", "João", "Sofia", "Pedro", "Beatriz", "Miguel",
    "Carla", "Nuno", "Leonor", "André", "Rita", "Diogo", "Clara", "Vasco", "Joana", "Luís",
)  # fmt: skip


def _name(number: int) -> str:
    return FIRST_NAMES[number % len(FIRST_NAMES)]


def _company(slug: str) -> list[SeedAccount]:
    domain = f"{slug}.example"
    people = [SeedAccount(Role.COMPANY_ADMIN, f"admin@{domain}", "Helena", company=slug)]
    for store in range(1, STORES[slug] + 1):
        manager = f"manager{store}@{domain}"
        people.append(SeedAccount(Role.STORE_MANAGER, manager, _name(store), None, slug, store))
        for number in range(1, STAFF_PER_STORE + 1):
            email = f"staff{store}.{number}@{domain}"
            name = _name(store * 3 + number)
            people.append(SeedAccount(Role.STORE_STAFF, email, name, None, slug, store))
    riders = range(1, RIDERS[slug] + 1)
    people += [SeedAccount(Role.RIDER, f"rider{n}@{domain}", _name(n), None, slug) for n in riders]
    return people


def _all_accounts() -> tuple[SeedAccount, ...]:
    people = [SeedAccount(Role.SUPER_ADMIN, "super@darkstore.example", "Teresa")]
    for slug in COMPANIES:
        people += _company(slug)
    for number in range(1, SUPPORT_AGENTS + 1):
        people.append(
            SeedAccount(Role.SUPPORT_AGENT, f"support{number}@darkstore.example", _name(number))
        )
    for number in range(1, CUSTOMERS + 1):
        email, phone = f"customer{number}@mail.example", f"+351910{number:06}"
        people.append(SeedAccount(Role.CUSTOMER, email, _name(number), phone))
    return tuple(people)


ALL_ACCOUNTS = _all_accounts()


def _demo_accounts() -> tuple[SeedAccount, ...]:
    """The first account of each role, which `make run` prints."""
    first_of_role: dict[Role, SeedAccount] = {}
    for account in ALL_ACCOUNTS:
        first_of_role.setdefault(account.role, account)
    return tuple(first_of_role.values())


DEMO_ACCOUNTS = _demo_accounts()
