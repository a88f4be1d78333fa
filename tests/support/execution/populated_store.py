"""A populated store whose people execute documents by both executors, without lasting effects."""

import random
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLError, IntValueNode, ListValueNode, StringValueNode, ValueNode
from graphql.language import FloatValueNode, NullValueNode
from sqlalchemy import select

from database.scope import PLATFORM
from execution import Answer
from models.ids import MODELS, PREFIXES, encode_id
from resolvers.context import Container
from resolvers.rules import AccessDenied
from schema.root import graph
from server.errors import format_error
from services.core.idempotency import KeyReused
from services.core.problems import DomainError
from tests.support import city as cities
from tests.support.actors import ActorClient
from tests.support.city import City
from tests.support.execution.differential import ExecutorPair, assert_same
from tests.support.execution.rolled_back_database import with_rollback
from tests.support.operations import daily_work
from tests.support.operations.player import create_player
from tests.support.stripe_simulator import open_sandbox

MAX_ROWS_PER_MODEL = 12
MAX_PAGE_SIZE = 4
FIRST_PAGES = 0.8
"""The share of lists that are read from their beginning: an invented cursor is refused."""
EXPECTED = (GraphQLError, AccessDenied, DomainError, KeyReused)
ID = re.compile(rf"\b({'|'.join(MODELS)})_[\w-]{{22}}")
SECRET = re.compile(r"\b(whsec|dk_live|dk_oauth)_[\w+/=-]+")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]*(Z|\+00:00)?")


@dataclass
class PopulatedStore:
    """People by name, the city, and public ids; collects errors that are not expected ones."""

    actors: dict[str, ActorClient]
    city: City
    ids: dict[str, list[str]]
    unexpected_errors: list[BaseException] = field(default_factory=list)
    opened_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    compared_count: int = 0
    nonempty_count: int = 0

    def __post_init__(self) -> None:
        self._pair = ExecutorPair(graph, self._format_error)

    async def compare(
        self, who: str, document: str, variables: Mapping[str, Any] | None = None
    ) -> Answer:
        """The compiled answer to one person, after asserting that graphql-core's is equal."""
        ours, theirs = await self._pair.execute(document, variables, self.actors[who].context)
        assert not self.unexpected_errors, (document, variables, self.unexpected_errors)
        self._mask(ours, theirs)
        assert_same(ours, theirs)
        self.compared_count += 1
        self.nonempty_count += any((ours.data or {}).values())
        return ours

    def fitting_value(
        self, rng: random.Random, type_name: str, name: str, field_name: str
    ) -> ValueNode | None:
        """A value that finds something, for an argument or an input field; see `FitValue`."""
        if name == "first":
            return IntValueNode(value=str(rng.randint(1, MAX_PAGE_SIZE)))
        if name in ("latitude", "longitude"):
            return FloatValueNode(value=str(self.city.point[name]))
        if name == "after" and rng.random() < FIRST_PAGES:
            return NullValueNode()
        if type_name != "ID":
            return None
        if name.endswith("ds"):
            count = rng.randint(1, MAX_PAGE_SIZE)
            ids = tuple(self._id(rng, name[:-1], field_name) for _ in range(count))
            return ListValueNode(values=ids)
        return self._id(rng, name, field_name)

    def adapt_variables(self, sample: Any, rng: random.Random) -> Any:
        """Sample variables with ids and coordinates of this city instead of the seeded one."""
        if isinstance(sample, dict) and "latitude" in sample:
            return {**sample, **self.city.point}
        if isinstance(sample, dict):
            return {name: self.adapt_variables(value, rng) for name, value in sample.items()}
        if isinstance(sample, list):
            return [self.adapt_variables(item, rng) for item in sample]
        if isinstance(sample, str) and (match := ID.fullmatch(sample)):
            return rng.choice(self.ids[MODELS[match[1]].__name__.lower()])
        return sample

    def _id(self, rng: random.Random, name: str, field_name: str) -> StringValueNode:
        model_name = name[:-2].lower() if len(name) > 2 else field_name.lower()
        known = self.ids.get(model_name) or self.ids[rng.choice(sorted(self.ids))]
        return StringValueNode(value=rng.choice(known))

    def _format_error(self, error: GraphQLError) -> dict[str, Any]:
        cause: BaseException | None = error
        while isinstance(cause, GraphQLError) and cause.original_error is not None:
            cause = cause.original_error
        if not isinstance(cause, EXPECTED) and cause is not None:
            self.unexpected_errors.append(cause)
            return dict(error.formatted)
        return format_error(error)

    def _mask(self, *answers: Answer) -> None:
        """Mask what differs between two executions: generated ids, secrets and the current time."""
        known = {public_id for ids in self.ids.values() for public_id in ids}

        def mask_id(match: re.Match[str]) -> str:
            return match[0] if match[0] in known else match[1]

        def mask_time(match: re.Match[str]) -> str:
            return match[0] if match[0] < self.opened_at else "time"

        def masked(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: masked(item) for name, item in value.items()}
            if isinstance(value, list):
                return [masked(item) for item in value]
            if not isinstance(value, str):
                return value
            return SECRET.sub(r"\1", TIME.sub(mask_time, ID.sub(mask_id, value)))

        for answer in answers:
            answer.data, answer.errors = masked(answer.data), masked(answer.errors)


@asynccontextmanager
async def open_populated_store(container: Container) -> AsyncIterator[PopulatedStore]:
    """A store in which orders were delivered, complained about, or are under way."""
    city = await cities.build_city(container.database)
    async with open_sandbox() as sandbox:
        play = await create_player(container, sandbox, city)
        order = await daily_work.deliver_order(play)
        await daily_work.complain(play, order)
        await daily_work.add_one_of_everything(play, 2)
        ids = await _newest_ids(container)
        rolled_back = with_rollback(play.container)
        actors = {
            name: replace(actor, container=rolled_back) for name, actor in play.clients.items()
        }
        yield PopulatedStore(actors, city, ids)


async def _newest_ids(container: Container) -> dict[str, list[str]]:
    """Public ids of the newest rows of every model, by the model's name in lower case."""
    ids: dict[str, list[str]] = {}
    async with container.database.read(PLATFORM) as session:
        for model in PREFIXES:
            newest = select(model.id).order_by(model.id.desc()).limit(MAX_ROWS_PER_MODEL)
            keys = (await session.scalars(newest)).all()
            ids[model.__name__.lower()] = [encode_id(model, key) for key in keys]
    return {name: known for name, known in ids.items() if known}
