"""Plays the client operations of docs/operations as the people whom they are for."""

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from database.scope import PLATFORM
from database.sessions import Origin
from models.accounts import Person
from models.identity import Grant, Role
from models.orders import Order
from resolvers.context import House
from services.core.problems import key_of
from services.identity.passwords import hash_password
from tests.support.actors import Standing, stand
from tests.support.city import City
from tests.support.graph_queries import id_of, statements
from tests.support.paths import OPERATIONS
from tests.support.streams.subscriber import watching
from tests.support.stripe_simulator import PUBLISHABLE_KEY, Desk
from workflows.payments import settle_payment

HEAD = re.compile(r"# (?P<readers>[A-Z][A-Za-z ,]+): \S.*\n# At most (?P<most>\d+) statements?\.\n")
# The hub looks at the log when it likes: before the first message, after it, and every moment.
OF_THE_LOG = re.compile(r"\bfrom (event|stream)\b", re.IGNORECASE)
PASSWORD = "a rather long password"


@dataclass(frozen=True)
class Operation:
    """One file: whom it is for, the most statements that it may take, and its sample."""

    name: str

    @cached_property
    def document(self) -> str:
        return (OPERATIONS / f"{self.name}.graphql").read_text()

    @property
    def head(self) -> re.Match[str]:
        found = HEAD.match(self.document)
        assert found, f"{self.name} does not begin with '# Whom: what.' and '# At most …'"
        return found

    @property
    def readers(self) -> list[str]:
        return self.head["readers"].replace(" and ", ", ").split(", ")

    @property
    def most(self) -> int:
        return int(self.head["most"])

    @property
    def sample(self) -> dict[str, Any]:
        file = OPERATIONS / f"{self.name}.json"
        found: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
        return found

    def variables(self, **given: Any) -> dict[str, Any]:
        """The sample with ids and words of the test in place of its own."""
        sample = self.sample
        return {"input": sample["input"] | given} if "input" in sample else sample | given


SEATS = {
    "nobody": "Anybody",
    "buyer": "Customers",
    "picker": "Store staff",
    "manager": "Store staff",
    "rider": "Riders",
    "agent": "Support",
    "owner": "Admins",
    "admin": "Admins",
}
EVERY = [Operation(file.stem) for file in sorted(OPERATIONS.glob("*.graphql"))]


@dataclass
class Play:
    """A city with its people on stage.

    `used` holds how many statements each operation took, `readers` for whom it has worked.
    """

    house: House
    desk: Desk
    city: City
    cast: dict[str, Standing]
    used: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    readers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    async def __call__(self, who: str, name: str, /, **given: Any) -> Any:
        """The answer of an operation's one root field; nothing may be wrong with it."""
        operation = Operation(name)
        with statements(self.house.database) as sent:
            data = await self.cast[who].run(operation.document, operation.variables(**given))
        self._count(who, name, sent)
        [answer] = data.values()
        assert answer is not None, name
        assert not isinstance(answer, dict) or not answer.get("errors"), (name, answer)
        return answer

    async def watch(self, who: str, name: str, /, **given: Any) -> Any:
        """The first message of a subscription."""
        with statements(self.house.database) as sent:
            async with watching(self.cast[who], name, **given) as line:
                message = await line.next()
                self._count(who, name, [one for one in sent if not OF_THE_LOG.search(one)])
        assert message["kind"] == "SNAPSHOT"
        return message

    def _count(self, who: str, name: str, sent: list[str]) -> None:
        self.used[name].append(len(sent))
        self.readers[name] |= {SEATS[who], "Anybody"}

    async def order(self, lines: int = 1, wanted: Any = None) -> str:
        """The id of a new order of the buyer's that is paid."""
        wanted = wanted or [{"productId": self.product(n), "quantity": 2} for n in range(lines)]
        asked = {"at": self.city.point, "lines": wanted, "tipMinor": 0}
        placed = await self("buyer", "order_place", **asked)
        secret = placed["payment"]["clientSecret"]
        form = {"key": PUBLISHABLE_KEY, "client_secret": secret, "payment_method": "pm_card_visa"}
        intent = secret.partition("_secret")[0]
        await self.desk.customer.post(f"/v1/payment_intents/{intent}/confirm", data=form)
        paid = await self("buyer", "order_payment_refresh", orderId=placed["order"]["id"])
        assert paid["order"]["status"] == "CONFIRMED"
        return str(placed["order"]["id"])

    async def settle(self, order: str) -> None:
        """Let the provider do what the order wants of it, as the job would."""
        key = key_of(Order, order)
        await settle_payment.settle(self.house.database, self.house.payments, key)

    async def task(self, code: str) -> Any:
        """The picker's task for the order with this code."""
        queue = await self("picker", "fulfillment_queue", storeId=self.store)
        [task] = [one for one in queue["nodes"] if one["orderCode"] == code]
        return task

    def product(self, nth: int) -> str:
        return id_of(self.city.products[11 - nth])

    @property
    def store(self) -> str:
        return id_of(self.city.near)

    @property
    def company(self) -> str:
        return id_of(self.city.company)


async def staged(house: House, desk: Desk, city: City) -> Play:
    """A play in a city of its own, where orders are paid at the desk."""
    house = replace(house, payments=desk.payments)
    company = city.company.id
    roles = {
        "buyer": Grant(Role.CUSTOMER),
        "picker": Grant(Role.STORE_STAFF, company, city.near.id),
        "manager": Grant(Role.STORE_MANAGER, company, city.near.id),
        "owner": Grant(Role.COMPANY_ADMIN, company),
        "agent": Grant(Role.SUPPORT_AGENT, company),
        "admin": Grant(Role.SUPER_ADMIN),
    }
    cast = {name: await stand(house, name.title(), grant) for name, grant in roles.items()}
    one = city.riders[0].person_id
    cast["rider"] = await stand(house, "Rider", Grant(Role.RIDER, company), person_id=one)
    cast["nobody"] = Standing(house)
    async with house.database.write(PLATFORM, Origin("test:play")) as session:
        person = await session.get_one(Person, cast["buyer"].id)
        person.password_hash = hash_password(PASSWORD)
    return Play(house, desk, city, cast)
