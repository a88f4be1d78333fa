"""How the business says no: `Refused`, carrying every reason as plain data."""

from dataclasses import dataclass, field
from uuid import UUID

from database.base import Keyed
from models.ids import PREFIXES, decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A reason: the path of the input it speaks of, and a sentence for people."""

    path: list[str] = field(default_factory=list)
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound(Problem):
    """There is no such thing, or it is not yours to see: the two are never told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidInput(Problem):
    """A value that no state of the world would make right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IllegalStep(Problem):
    """The thing is in a state from which this step can't be taken; `legal` are those that can."""

    state: str
    legal: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionConflict(Problem):
    """Somebody else changed it first; `current` is the version to read again."""

    current: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited(Problem):
    """Asked too often; `retry_after_seconds` says when to ask again."""

    retry_after_seconds: int


class Refused(Exception):
    """The business said no; raising it rolls the whole unit of work back."""

    def __init__(self, *reasons: Problem) -> None:
        super().__init__("; ".join(reason.message for reason in reasons))
        self.reasons = list(reasons)


class Kept(Refused):
    """A refusal whose unit of work is kept: it has counted a try that must not be forgotten."""


def not_found(model: type[Keyed], *path: str) -> Refused:
    """The one answer for what is missing and for what belongs to somebody else."""
    noun = NOUNS.get(model, model.__name__)
    return Refused(NotFound(path=["input", *path], message=f"There is no such {noun}."))


def key_of(model: type[Keyed], text: str, *path: str) -> UUID:
    """The key behind a public id; refused as not found when it is no id of this noun."""
    key = decode(model, text)
    if key is None:
        raise not_found(model, *path)
    return key


def key_if_given(model: type[Keyed], text: str | None, *path: str) -> UUID | None:
    """As `key_of`, but None when there is no id at all; an empty one is refused."""
    return None if text is None else key_of(model, text, *path)


NOUNS = {
    model: "".join(f" {c.lower()}" if c.isupper() else c for c in model.__name__).strip()
    for model in PREFIXES
}
