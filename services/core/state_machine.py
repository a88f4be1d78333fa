"""State machines: one table of transitions says what is available, refused and documented.

A domain gives its table, who may see a row and who may take a transition. The machine locks the
row, authorizes, checks the action and the expected version, and moves the row. `docs/states.md` is
written from the same tables.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import NamedEnum
from models.identity import Actor, Role
from models.message_text import action_text, words_text
from services.core.access import is_own_order
from services.core.problems import DomainError, InvalidTransition, VersionConflict, not_found

Row = TypeVar("Row", bound=Any)
Action = TypeVar("Action", bound=NamedEnum)
Status = TypeVar("Status", bound=NamedEnum)


@dataclass(frozen=True, slots=True)
class Transition(Generic[Action, Status]):
    """An action, the states in which it is legal, those it may lead to, and who takes it.

    Without `targets` the action leaves the state as it is. `party` names the side that takes it
    where roles alone don't say it: the customer, the rider, the store that ships. `by_customer`
    marks what the customer of the row takes: everything else is closed to them. `condition` is
    what else must hold for the row; the documentation shows its name. `note` documents a condition
    on other rows, for which callers pass the action in `blocked`.
    """

    action: Action
    sources: Set[Status]
    targets: Set[Status] = frozenset()
    roles: Set[Role] = frozenset()
    party: str = ""
    condition: Callable[[Any], bool] | None = None
    note: str = ""
    by_customer: bool = False


@dataclass(frozen=True, slots=True)
class AutomaticTransition(Generic[Status]):
    """A change that a job or another machine makes; `cause` says which, for the documentation.

    `job` is the name in `jobs.schedule` of the job that makes it, `mutation` the operation of the
    graph that does. Without both, the cause begins with the name of another machine, which this
    one follows.
    """

    cause: str
    sources: Set[Status]
    targets: Set[Status]
    job: str = ""
    mutation: str = ""


def _everybody(row: Any, actor: Actor, transition: Transition[Any, Any]) -> bool:
    return True


def _nobody(row: Any, actor: Actor) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class StateMachine(Generic[Row, Action, Status]):
    """One machine. `noun` and `id_path` are for the messages and paths of problems.

    `permits` says who may take a transition, in whatever state; by default all who see the row.
    `mutations` names the mutation of each action that is not called after machine and action.
    """

    name: str
    model: type[Any]
    status: type[Status]
    initial: Set[Status]
    noun: str = ""
    id_path: str = ""
    transitions: Sequence[Transition[Action, Status]] = ()
    automatic: Sequence[AutomaticTransition[Status]] = ()
    mutations: Mapping[Any, str] = field(default_factory=dict)
    is_visible: Callable[[Row, Actor], bool] = _nobody
    permits: Callable[[Row, Actor, Transition[Action, Status]], bool] = _everybody
    refusal: Callable[[Row, Action], str | None] | None = None
    """The message for an action that is not available; None for the general one."""
    shared_lock: Set[Action] = frozenset()
    """Actions that several transactions may take at once: they lock the row in share mode."""

    def mutation_of(self, action: Action) -> str:
        """The mutation that takes an action: `orderCancel` for CANCEL of the machine Order."""
        words = "".join(word.title() for word in str(action).split("_"))
        return self.mutations.get(action) or f"{self.name[0].lower()}{self.name[1:]}{words}"

    def legal_actions(self, status: Status) -> list[Action]:
        """The actions that somebody may take in this state, in the order of the table."""
        return _unique(t.action for t in self.transitions if status in t.sources)

    def available_actions(
        self, row: Row, actor: Actor, blocked: Set[Action] = frozenset()
    ) -> list[Action]:
        """The actions that `actor` may take now, in the order of the table.

        The caller names in `blocked` the actions that other rows rule out.
        """
        return _unique(t.action for t in self._open_transitions(row, actor, blocked))

    def is_open_to_party(self, row: Row, actor: Actor, action: Action, party: str) -> bool:
        """Whether `actor` may take the action now as this party, not only by another role."""
        open_transitions = self._open_transitions(row, actor)
        return any(t.action is action and t.party == party for t in open_transitions)

    def _open_transitions(
        self, row: Row, actor: Actor, blocked: Set[Action] = frozenset()
    ) -> Iterator[Transition[Action, Status]]:
        status = row.status
        for t in self.transitions:
            if status not in t.sources or t.action in blocked or not self._may_take(row, actor, t):
                continue
            if t.condition is None or t.condition(row):
                yield t

    def takes_part(self, row: Row, actor: Actor, action: Action) -> bool:
        """Whether `actor` may take the action in any state."""
        return any(t.action is action and self._may_take(row, actor, t) for t in self.transitions)

    def require_part(self, row: Row, actor: Actor, action: Action) -> None:
        """Raise DomainError unless `actor` may take the action in some state.

        NotFound for people who never take it; InvalidTransition for the customer of the row, who
        would take it for others.
        """
        if self.takes_part(row, actor, action):
            return
        if self._is_closed_to_customer(row, actor, action):
            raise self._own_order(row, actor)
        raise not_found(self.model, self.id_path)

    def _may_take(self, row: Row, actor: Actor, transition: Transition[Action, Status]) -> bool:
        """Nobody acts on their own order except as its customer, whatever roles they hold."""
        if is_own_order(row, actor) and not transition.by_customer:
            return False
        return self.permits(row, actor, transition)

    def _is_closed_to_customer(self, row: Row, actor: Actor, action: Action) -> bool:
        """Whether `actor` could take the action if it were not their own order."""
        return is_own_order(row, actor) and any(
            t.action is action and not t.by_customer and self.permits(row, actor, t)
            for t in self.transitions
        )

    def _own_order(self, row: Row, actor: Actor) -> DomainError:
        return illegal_step(
            "input",
            self.id_path,
            message="This is your own order: somebody else has to do this.",
            state=row.status,
            legal=self.available_actions(row, actor),
        )

    async def lock(self, session: AsyncSession, key: UUID, *, shared: bool = False) -> Row:
        """The row, locked and read again. Raises DomainError: NotFound."""
        statement = select(self.model).where(self.model.id == key).with_for_update(read=shared)
        row: Row | None = await session.scalar(statement.execution_options(populate_existing=True))
        if row is None:
            raise not_found(self.model, self.id_path)
        return row

    async def lock_visible(
        self, session: AsyncSession, actor: Actor, key: UUID, *, shared: bool = False
    ) -> Row:
        """The locked row, if `actor` may see it. Raises DomainError: NotFound."""
        row = await self.lock(session, key, shared=shared)
        self.require_visible(row, actor)
        return row

    async def begin(
        self,
        session: AsyncSession,
        actor: Actor,
        key: UUID,
        action: Action,
        expected_version: int | None = None,
    ) -> Row:
        """The locked row, when `actor` may take the action now.

        Raises DomainError: NotFound, InvalidTransition (also for the slower of two people),
        VersionConflict.
        """
        row = await self.lock(session, key, shared=action in self.shared_lock)
        self.check(row, actor, action, expected_version)
        return row

    def check(
        self,
        row: Row,
        actor: Actor,
        action: Action,
        expected_version: int | None = None,
        blocked: Set[Action] = frozenset(),
    ) -> None:
        """Raise NotFound, InvalidTransition or VersionConflict unless the action is legal."""
        self.require_visible(row, actor)
        available = self.available_actions(row, actor, blocked)
        if action not in available:
            if self._is_closed_to_customer(row, actor, action):
                raise self._own_order(row, actor)
            message = self.refusal(row, action) if self.refusal else None
            if message is None:
                state = words_text(row.status)
                message = f"{action_text(action)} is not possible: the {self.noun} is {state}."
            path = ("input", self.id_path)
            raise illegal_step(*path, message=message, state=row.status, legal=available)
        self.check_version(row, expected_version)

    def require_visible(self, row: Row, actor: Actor) -> None:
        """Raise DomainError: NotFound unless `actor` may see the row."""
        if not self.is_visible(row, actor):
            raise not_found(self.model, self.id_path)

    def check_version(self, row: Row, expected_version: int | None) -> None:
        """Raise DomainError: VersionConflict when the caller has seen another version."""
        message = f"The {self.noun} was changed meanwhile: it is {words_text(row.status)} now."
        check_version(row, expected_version, message)

    def move(self, row: Row, status: Status) -> None:
        """Put a locked row into a state that the table reaches from its own; the version grows.

        Raises ValueError when no transition leads there: that is a defect of the caller.
        """
        self.set_status(row, status)
        row.version += 1

    def set_status(self, row: Row, status: Status) -> None:
        """As `move`, for a row without a version, or whose version the caller increments."""
        if status not in self.reachable(row.status):
            raise ValueError(f"{self.name}: no transition leads from {row.status} to {status}")
        row.status = status

    def reachable(self, source: Status) -> Set[Status]:
        """The states that one transition leads to, whoever makes it."""
        return self._targets.get(source, frozenset())

    @cached_property
    def _targets(self) -> Mapping[Status, Set[Status]]:
        targets: dict[Status, set[Status]] = defaultdict(set)
        steps: Sequence[Transition[Action, Status] | AutomaticTransition[Status]]
        steps = [*self.transitions, *self.automatic]
        for step in steps:
            for source in step.sources:
                targets[source] |= step.targets
        return dict(targets)


def has_role_in_store(row: Any, actor: Actor, transition: Transition[Any, Any]) -> bool:
    """Whether the actor holds one of the transition's roles in the row's store."""
    return actor.has_store_role(row.company_id, row.store_id, frozenset(transition.roles))


def illegal_step(*path: str, message: str, state: str, legal: Sequence[str] = ()) -> DomainError:
    """The refusal of an action that the present state does not allow."""
    facts: dict[str, Any] = {"current_status": state, "allowed_actions": [*legal]}
    return DomainError(InvalidTransition(path=[*path], message=message, **facts))


def check_version(row: Any, expected_version: int | None, message: str) -> None:
    """Raise DomainError: VersionConflict when the caller has seen another version of the row."""
    if expected_version is not None and expected_version != row.version:
        raise version_conflict("input", "expectedVersion", message=message, current=row.version)


def column_values(row: Any) -> dict[str, Any]:
    """The loaded values of a row's columns, to compare with after a change."""
    loaded = inspect(row).dict
    return {one.key: loaded.get(one.key) for one in inspect(row).mapper.column_attrs}


def raise_version(row: Any, before: Mapping[str, Any]) -> bool:
    """Raise the version of a locked row if it differs from `before`; False if nothing changed."""
    is_changed = column_values(row) != before
    row.version += is_changed
    return is_changed


def version_conflict(*path: str, message: str, current: int) -> DomainError:
    """The refusal of a change to a version that is not the newest any more."""
    return DomainError(VersionConflict(path=[*path], message=message, current_version=current))


def _unique(actions: Iterable[Action]) -> list[Action]:
    return list(dict.fromkeys(actions))
