"""Rows of the demo accounts: people, memberships, riders and addresses."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from models.accounts import InvitationStatus
from models.identity import Role
from models.riders import VehicleKind
from seed.accounts import ALL_ACCOUNTS, PASSWORD, SeedAccount
from seed.bulk_load import Row, stable_id
from seed.stores import SEED, StorePlan
from services.accounts.invitations import INVITATION_SECONDS
from services.identity.passwords import hash_password

MAX_DISTANCE_DEGREES = 0.006
VEHICLES = (VehicleKind.E_BIKE, VehicleKind.SCOOTER, VehicleKind.BICYCLE)


def people_rows(plans: Sequence[StorePlan]) -> Iterator[tuple[str, list[Row]]]:
    """Table names and rows of all accounts; they share one password hash."""
    password_hash = hash_password(PASSWORD)
    yield "person", [_person(account, password_hash) for account in ALL_ACCOUNTS]
    yield "membership", [_membership(account) for account in ALL_ACCOUNTS]
    riders = [account for account in ALL_ACCOUNTS if account.role is Role.RIDER]
    yield "rider", [_rider(account, index) for index, account in enumerate(riders)]
    customers = [account for account in ALL_ACCOUNTS if account.role is Role.CUSTOMER]
    yield "address", _addresses(customers, plans)
    yield "invitation", _invitations()


def _person(account: SeedAccount, password_hash: str) -> Row:
    return {
        "id": stable_id("person", account.email),
        "name": account.name,
        "email": account.email,
        "phone": account.phone,
        "password_hash": password_hash,
    }


def _membership(account: SeedAccount) -> Row:
    return {
        "id": stable_id("membership", account.email),
        "person_id": stable_id("person", account.email),
        "role": account.role,
        "company_id": stable_id("company", account.company) if account.company else None,
        "store_id": stable_id("store", account.company, account.store) if account.store else None,
    }


def _rider(account: SeedAccount, index: int) -> Row:
    return {
        "id": stable_id("rider", account.email),
        "person_id": stable_id("person", account.email),
        "company_id": stable_id("company", account.company),
        "vehicle": VEHICLES[index % len(VEHICLES)],
    }


def _addresses(customers: Sequence[SeedAccount], plans: Sequence[StorePlan]) -> list[Row]:
    """An address for each customer near one of the stores."""
    rng = random.Random(SEED)
    rows: list[Row] = []
    for index, account in enumerate(customers):
        site = plans[index % len(plans)].site
        rows.append(
            {
                "id": stable_id("address", account.email),
                "person_id": stable_id("person", account.email),
                "label": "Home",
                "address_line": f"{rng.randint(1, 180)}, near {site.name}",
                "latitude": site.latitude + rng.uniform(-1, 1) * MAX_DISTANCE_DEGREES,
                "longitude": site.longitude + rng.uniform(-1, 1) * MAX_DISTANCE_DEGREES,
                "delivery_instructions": "Ring twice, please.",
            }
        )
    return rows


def _invitations() -> list[Row]:
    """The first store's manager invites: one has accepted, the others have not answered yet."""
    now = datetime.now(UTC)
    staff, manager = "staff1.1@harbour.example", "manager1@harbour.example"
    common: Row = {
        "company_id": stable_id("company", "harbour"),
        "store_id": stable_id("store", "harbour", 1),
        "invited_by_id": stable_id("person", manager),
        "role": Role.STORE_STAFF,
        "expires_at": now + timedelta(seconds=INVITATION_SECONDS),
        "email": None,
        "phone": None,
        "membership_id": None,
        "answered_at": None,
    }
    accepted: Row = {
        "email": staff,
        "status": InvitationStatus.ACCEPTED,
        "membership_id": stable_id("membership", staff),
        "answered_at": now,
    }
    pending: list[Row] = [{"email": "new.colleague@mail.example"}, {"phone": "+351920000001"}]
    return [
        {**common, **one, "id": stable_id("invitation", number)}
        for number, one in enumerate([accepted, *pending])
    ]
