"""The store with all its people, whose words are said to both executors and leave no trace."""

import random
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLError, IntValueNode, ListValueNode, StringValueNode, ValueNode
from graphql.language import FloatValueNode
from sqlalchemy import select

from database.scope import PLATFORM
from execution import Answer
from models.ids import MODELS, PREFIXES, encode
from resolvers.context import House
from resolvers.rules import Denied
from schema.root import graph
from server.errors import present
from services.core.idempotency import KeyReused
from services.core.problems import Refused
from tests.support import city as cities
from tests.support.actors import Standing
from tests.support.city import City
from tests.support.execution.differential import Pair, assert_same
from tests.support.execution.rolled_back_database import rehearsed
from tests.support.operations import daily_work
from tests.support.operations.player import staged
from tests.support.stripe_simulator import opened

ROWS_OF_A_NOUN = 12
PAGE = 4
EXPECTED = (GraphQLError, Denied, Refused, KeyReused)
ID = re.compile(rf"\b({'|'.join(MODELS)})_[\w-]{{22}}")
SECRET = re.compile(r"\b(whsec|dk_live|dk_oauth)_[\w+/=-]+")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]*(Z|\+00:00)?")


@dataclass
class Stage:
    """People, and what there is to speak of; `broken` holds failures that nobody foresaw."""

    cast: dict[str, Standing]
    city: City
    ids: dict[str, list[str]]
    broken: list[BaseException] = field(default_factory=list)
    opened_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    told: int = 0
    reached: int = 0

    def __post_init__(self) -> None:
        self._pair = Pair(graph, self._worded)

    async def compare(
        self, who: str, document: str, variables: Mapping[str, Any] | None = None
    ) -> Answer:
        """The compiled answer to one of the cast, after holding it equal to graphql-core's."""
        ours, theirs = await self._pair.answers(document, variables, self.cast[who].context)
        assert not self.broken, (document, variables, self.broken)
        self._blur(ours, theirs)
        assert_same(ours, theirs)
        self.told += 1
        self.reached += any((ours.data or {}).values())
        return ours

    def fit(self, dice: random.Random, kind: str, name: str, inside: str) -> ValueNode | None:
        """A value that means something where a document has an argument or an input field."""
        if name == "first":
            return IntValueNode(value=str(dice.randint(1, PAGE)))
        if name in ("latitude", "longitude"):
            return FloatValueNode(value=str(self.city.point[name]))
        if kind != "ID":
            return None
        if name.endswith("ds"):
            known = tuple(self._id(dice, name[:-1], inside) for _ in range(dice.randint(1, PAGE)))
            return ListValueNode(values=known)
        return self._id(dice, name, inside)

    def fitted(self, sample: Any, dice: random.Random) -> Any:
        """Sample variables that speak of this city instead of the seeded one."""
        if isinstance(sample, dict) and "latitude" in sample:
            return {**sample, **self.city.point}
        if isinstance(sample, dict):
            return {name: self.fitted(one, dice) for name, one in sample.items()}
        if isinstance(sample, list):
            return [self.fitted(one, dice) for one in sample]
        if isinstance(sample, str) and (found := ID.fullmatch(sample)):
            return dice.choice(self.ids[MODELS[found[1]].__name__.lower()])
        return sample

    def _id(self, dice: random.Random, name: str, inside: str) -> StringValueNode:
        noun = name[:-2].lower() if len(name) > 2 else inside.lower()
        known = self.ids.get(noun) or self.ids[dice.choice(sorted(self.ids))]
        return StringValueNode(value=dice.choice(known))

    def _worded(self, error: GraphQLError) -> dict[str, Any]:
        cause: BaseException | None = error
        while isinstance(cause, GraphQLError) and cause.original_error is not None:
            cause = cause.original_error
        if not isinstance(cause, EXPECTED) and cause is not None:
            self.broken.append(cause)
            return dict(error.formatted)
        return present(error)

    def _blur(self, *answers: Answer) -> None:
        """Take out what is another each time: the keys that writes make up, and what time it is."""
        known = {one for ids in self.ids.values() for one in ids}

        def key(found: re.Match[str]) -> str:
            return found[0] if found[0] in known else found[1]

        def time(found: re.Match[str]) -> str:
            return found[0] if found[0] < self.opened_at else "then"

        def blurred(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: blurred(one) for name, one in value.items()}
            if isinstance(value, list):
                return [blurred(one) for one in value]
            if not isinstance(value, str):
                return value
            return SECRET.sub(r"\1", TIME.sub(time, ID.sub(key, value)))

        for answer in answers:
            answer.data, answer.errors = blurred(answer.data), blurred(answer.errors)


@asynccontextmanager
async def set_up(house: House) -> AsyncIterator[Stage]:
    """A stage on which orders were delivered, complained about, or are under way."""
    city = await cities.build(house.database)
    async with opened() as desk:
        play = await staged(house, desk, city)
        order = await daily_work.delivering(play)
        await daily_work.complaining(play, order)
        await daily_work.a_busy_hour(play, 2)
        ids = await _ids(house)
        safe = rehearsed(play.house)
        cast = {name: replace(one, house=safe) for name, one in play.cast.items()}
        yield Stage(cast, city, ids)


async def _ids(house: House) -> dict[str, list[str]]:
    """Public ids of the newest rows of every noun, by the noun's name as arguments have it."""
    ids: dict[str, list[str]] = {}
    async with house.database.read(PLATFORM) as session:
        for model in PREFIXES:
            newest = select(model.id).order_by(model.id.desc()).limit(ROWS_OF_A_NOUN)
            keys = (await session.scalars(newest)).all()
            ids[model.__name__.lower()] = [encode(model, key) for key in keys]
    return {noun: known for noun, known in ids.items() if known}
