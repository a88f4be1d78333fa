"""Business errors: `DomainError` carries every problem as plain data; mutations return them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from database.base import Entity
from models.ids import PREFIXES, decode_id
from models.message_text import number_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A business error: the path of the input that caused it, and a message for users."""

    path: list[str] = field(default_factory=list)
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound(Problem):
    """The object does not exist or the caller may not see it; both cases look the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidInput(Problem):
    """An argument failed validation; it is invalid whatever the state of the data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidTransition(Problem):
    """The current state does not allow this action; `legal` lists the actions that it allows."""

    current_status: str
    allowed_actions: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionConflict(Problem):
    """The row was changed by another request; `current` is its version now."""

    current_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited(Problem):
    """Too many requests; the next one is accepted after `retry_after_seconds`."""

    retry_after_seconds: int


def field_text(path: Sequence[str]) -> str:
    """The name of the field that a path leads to, for a sentence."""
    return next((name for name in reversed(path) if not name.isdecimal()), "The value")


def range_problem(
    path: Sequence[str], minimum: float, maximum: float, unit: str = ""
) -> InvalidInput:
    """The problem of a number that is not between its limits, which names the field and both."""
    of_unit = f" {unit}" if unit else ""
    limits = f"from {number_text(minimum)} to {number_text(maximum)}{of_unit}"
    return InvalidInput(path=[*path], message=f"{field_text(path)} is {limits}.")


class DomainError(Exception):
    """A command was refused for business reasons; raising it rolls the transaction back."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = list(problems)


class CommittedDomainError(DomainError):
    """A refusal whose transaction commits, because it has counted a failed attempt."""


def not_found(model: type[Entity], *path: str) -> DomainError:
    """Return the NotFound error for a row that is missing or belongs to another party."""
    label = MODEL_LABELS.get(model, model.__name__)
    return DomainError(NotFound(path=["input", *path], message=f"There is no such {label}."))


def parse_id(model: type[Entity], text: str, *path: str) -> UUID:
    """Return the key in a public id. Raises DomainError: NotFound when it is no id of the model."""
    key = decode_id(model, text)
    if key is None:
        raise not_found(model, *path)
    return key


def parse_optional_id(model: type[Entity], text: str | None, *path: str) -> UUID | None:
    """Like `parse_id`, but returns None for None; an empty string is refused."""
    return None if text is None else parse_id(model, text, *path)


MODEL_LABELS = {
    model: "".join(f" {c.lower()}" if c.isupper() else c for c in model.__name__).strip()
    for model in PREFIXES
}
