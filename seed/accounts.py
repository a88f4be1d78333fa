"""The people who stand ready in a development store, and the password that they share."""

from dataclasses import dataclass

from models.identity import Role

PASSWORD = "darkstore-demo-1"  # noqa: S105 - printed by `make run`; seeds are for development only
COMPANIES = ("harbour", "peak")
STORES = {"harbour": 12, "peak": 4}
STAFF_PER_STORE = 2
RIDERS = {"harbour": 240, "peak": 80}
AGENTS = 3
CUSTOMERS = 200


@dataclass(frozen=True, slots=True)
class Account:
    """A person who can sign in by e-mail and password (customers by phone too)."""

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


def _company(slug: str) -> list[Account]:
    at = f"{slug}.example"
    people = [Account(Role.COMPANY_ADMIN, f"admin@{at}", "Helena", company=slug)]
    for store in range(1, STORES[slug] + 1):
        manager = f"manager{store}@{at}"
        people.append(Account(Role.STORE_MANAGER, manager, _name(store), None, slug, store))
        for nth in range(1, STAFF_PER_STORE + 1):
            email = f"staff{store}.{nth}@{at}"
            name = _name(store * 3 + nth)
            people.append(Account(Role.STORE_STAFF, email, name, None, slug, store))
    riders = range(1, RIDERS[slug] + 1)
    people += [Account(Role.RIDER, f"rider{n}@{at}", _name(n), None, slug) for n in riders]
    return people


def _everyone() -> tuple[Account, ...]:
    people = [Account(Role.SUPER_ADMIN, "super@darkstore.example", "Teresa")]
    for slug in COMPANIES:
        people += _company(slug)
    for nth in range(1, AGENTS + 1):
        people.append(Account(Role.SUPPORT_AGENT, f"support{nth}@darkstore.example", _name(nth)))
    for nth in range(1, CUSTOMERS + 1):
        email, phone = f"customer{nth}@mail.example", f"+351910{nth:06}"
        people.append(Account(Role.CUSTOMER, email, _name(nth), phone))
    return tuple(people)


EVERYONE = _everyone()


def _standing() -> tuple[Account, ...]:
    """One account of each role, the ones that `make run` prints."""
    first: dict[Role, Account] = {}
    for account in EVERYONE:
        first.setdefault(account.role, account)
    return tuple(first.values())


STANDING = _standing()
