"""The standing people: one of each role and more, with what their roles need to work."""

import random
from collections.abc import Iterator, Sequence

from models.delivery import Vehicle
from models.identity import Role
from seed.accounts import EVERYONE, PASSWORD, Account
from seed.rows import Row, key
from seed.shops import SEED, Shop
from services.identity.passwords import hash_password

NEAR_M_IN_DEGREES = 0.006
VEHICLES = (Vehicle.E_BIKE, Vehicle.SCOOTER, Vehicle.BICYCLE)


def rows_of_people(shops: Sequence[Shop]) -> Iterator[tuple[str, list[Row]]]:
    """Tables and rows of everybody who can sign in; all share one password and its hash."""
    password_hash = hash_password(PASSWORD)
    yield "person", [_person(account, password_hash) for account in EVERYONE]
    yield "membership", [_membership(account) for account in EVERYONE]
    riders = [account for account in EVERYONE if account.role is Role.RIDER]
    yield "rider", [_rider(account, nth) for nth, account in enumerate(riders)]
    customers = [account for account in EVERYONE if account.role is Role.CUSTOMER]
    yield "address", _addresses(customers, shops)


def _person(account: Account, password_hash: str) -> Row:
    return {
        "id": key("person", account.email),
        "name": account.name,
        "email": account.email,
        "phone": account.phone,
        "password_hash": password_hash,
    }


def _membership(account: Account) -> Row:
    return {
        "id": key("membership", account.email),
        "person_id": key("person", account.email),
        "role": account.role,
        "company_id": key("company", account.company) if account.company else None,
        "store_id": key("store", account.company, account.store) if account.store else None,
    }


def _rider(account: Account, nth: int) -> Row:
    return {
        "id": key("rider", account.email),
        "person_id": key("person", account.email),
        "company_id": key("company", account.company),
        "vehicle": VEHICLES[nth % len(VEHICLES)],
    }


def _addresses(customers: Sequence[Account], shops: Sequence[Shop]) -> list[Row]:
    """A home for each customer, a short way from one of the stores."""
    luck = random.Random(SEED)
    rows: list[Row] = []
    for nth, account in enumerate(customers):
        site = shops[nth % len(shops)].site
        rows.append(
            {
                "id": key("address", account.email),
                "person_id": key("person", account.email),
                "label": "Home",
                "line": f"{luck.randint(1, 180)}, near {site.name}",
                "latitude": site.latitude + luck.uniform(-1, 1) * NEAR_M_IN_DEGREES,
                "longitude": site.longitude + luck.uniform(-1, 1) * NEAR_M_IN_DEGREES,
                "drop_note": "Ring twice, please.",
            }
        )
    return rows
