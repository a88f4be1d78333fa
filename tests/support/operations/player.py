"""Executes the client operations of docs/operations as the people that use them."""

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from database.audit import AuditContext
from database.scope import PLATFORM
from models.accounts import User
from models.identity import Grant, Role
from models.orders import Order
from resolvers.context import Container
from services.core.problems import parse_id
from services.identity.passwords import hash_password
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.graph_queries import public_id, record_statements
from tests.support.paths import OPERATIONS
from tests.support.streams.subscriber import subscribe
from tests.support.stripe_simulator import PUBLISHABLE_KEY, StripeSandbox
from workflows.payments import settle_payment

HEAD = re.compile(
    r"# (?P<readers>[A-Z][A-Za-z ,-]+): \S.*\n# At most (?P<most>\d+) statements?\.\n"
)
# While a stream is open, the hub reads the log and the monitor the session, whenever it is time.
BACKGROUND_STATEMENT = re.compile(
    r"\bfrom (event|stream|sign_in_session left outer join membership)\b", re.IGNORECASE
)
PASSWORD = "a rather long password"


@dataclass(frozen=True)
class Operation:
    """One operation file: its readers, its statement budget and its sample variables."""

    name: str

    @cached_property
    def document(self) -> str:
        return (OPERATIONS / f"{self.name}.graphql").read_text()

    @property
    def header(self) -> re.Match[str]:
        value = HEAD.match(self.document)
        assert value, f"{self.name} does not begin with '# Whom: what.' and '# At most …'"
        return value

    @property
    def readers(self) -> list[str]:
        return self.header["readers"].replace(" and ", ", ").split(", ")

    @property
    def max_statements(self) -> int:
        return int(self.header["most"])

    @property
    def sample(self) -> dict[str, Any]:
        file = OPERATIONS / f"{self.name}.json"
        value: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
        return value

    def variables(self, **given: Any) -> dict[str, Any]:
        """Return the sample variables with replacements."""
        sample = self.sample
        return {"input": sample["input"] | given} if "input" in sample else sample | given


READERS_BY_PERSON = {
    "nobody": set[str](),
    "newcomer": {"Customers"},
    "buyer": {"Customers"},
    "picker": {"Store staff"},
    "manager": {"Store managers", "Store staff"},
    "rider": {"Riders"},
    "agent": {"Support"},
    "owner": {"Company admins", "Store managers", "Store staff"},
    "admin": {"Super admins", "Company admins"},
}
"""As whom a person runs an operation, besides as anybody or as one of all who are signed in."""
EVERY = [Operation(file.stem) for file in sorted(OPERATIONS.glob("*.graphql"))]


@dataclass
class OperationPlayer:
    """Executes operations as the people of a city.

    `used` holds the statement counts of each operation's calls, `readers` for whom it worked.
    """

    container: Container
    desk: StripeSandbox
    city: City
    clients: dict[str, ActorClient]
    used: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    readers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    async def __call__(self, who: str, name: str, /, **given: Any) -> Any:
        """Return the value of an operation's one root field, which must have no errors."""
        operation = Operation(name)
        with record_statements(self.container.database) as sent:
            data = await self.clients[who].run(operation.document, operation.variables(**given))
        self._count(who, name, sent)
        [answer] = data.values()
        assert answer is not None, name
        assert not isinstance(answer, dict) or not answer.get("errors"), (name, answer)
        return answer

    async def call_here(self, who: str, name: str, /, **given: Any) -> Any:
        """The same in this process, in which only the story settles payments."""
        return await OperationPlayer.__call__(self, who, name, **given)

    async def watch(self, who: str, name: str, /, **given: Any) -> Any:
        """Return the first message of a subscription."""
        with record_statements(self.container.database) as sent:
            async with subscribe(self.clients[who], name, **given) as line:
                message = await line.next_message()
                self._count(
                    who, name, [one for one in sent if not BACKGROUND_STATEMENT.search(one)]
                )
        assert message["kind"] == "SNAPSHOT"
        return message

    def _count(self, who: str, name: str, sent: list[str]) -> None:
        self.used[name].append(len(sent))
        self.readers[name] |= READERS_BY_PERSON[who] | {"Anybody"}
        if who != "nobody":
            self.readers[name].add("Signed-in users")

    async def order(self, lines: int = 1, wanted: Any = None) -> str:
        """Place and pay an order as the buyer; return its id."""
        wanted = wanted or [{"productId": self.product(n), "quantity": 2} for n in range(lines)]
        place = {"location": self.city.point}
        placed = await self("buyer", "order_place", destination=place, lines=wanted, tipMinor=0)
        return await self.pay(placed)

    async def pay(self, placed: Any) -> str:
        """Pay an order that the buyer placed by card; return its id."""
        secret = placed["payment"]["clientSecret"]
        form = {"key": PUBLISHABLE_KEY, "client_secret": secret, "payment_method": "pm_card_visa"}
        intent = secret.partition("_secret")[0]
        await self.desk.customer.post(f"/v1/payment_intents/{intent}/confirm", data=form)
        paid = await self("buyer", "order_payment_refresh", orderId=placed["order"]["id"])
        assert paid["order"]["status"] == "CONFIRMED"
        return str(placed["order"]["id"])

    async def settle(self, order: str) -> None:
        """Settle the order's payment with the provider, as the job does."""
        key = parse_id(Order, order)
        await settle_payment.settle(self.container.database, self.container.payments, key)

    async def task(self, code: str) -> Any:
        """Return the picker's task for the order with this code."""
        queue = await self("picker", "fulfillment_queue", storeId=self.store)
        [task] = [node for node in queue["nodes"] if node["orderCode"] == code]
        return task

    def product(self, nth: int) -> str:
        return public_id(self.city.products[11 - nth])

    @property
    def store(self) -> str:
        return public_id(self.city.near)

    @property
    def company(self) -> str:
        return public_id(self.city.company)


async def create_player(container: Container, desk: StripeSandbox, city: City) -> OperationPlayer:
    """Create a player for a city, with payments in the Stripe simulator."""
    container = replace(container, payments=desk.payments)
    company = city.company.id
    roles = {
        "buyer": Grant(Role.CUSTOMER),
        "picker": Grant(Role.STORE_STAFF, company, city.near.id),
        "manager": Grant(Role.STORE_MANAGER, company, city.near.id),
        "owner": Grant(Role.COMPANY_ADMIN, company),
        "agent": Grant(Role.SUPPORT_AGENT, company),
        "admin": Grant(Role.SUPER_ADMIN),
    }
    cast = {
        name: await create_client(container, name.title(), grant) for name, grant in roles.items()
    }
    one = city.riders[0].person_id
    cast["rider"] = await create_client(
        container, "Rider", Grant(Role.RIDER, company), person_id=one
    )
    cast["nobody"] = ActorClient(container)
    async with container.database.write(PLATFORM, AuditContext("test:play")) as session:
        person = await session.get_one(User, cast["buyer"].id)
        person.password_hash = hash_password(PASSWORD)
    return OperationPlayer(container, desk, city, cast)
