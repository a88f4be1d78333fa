"""A setting: the name of an environment variable, and the kind of value that it has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from server.settings.value_kinds import ValueKind

T = TypeVar("T")
MAX_SHOWN_CHARS = 60


class BadSetting(ValueError):
    """A setting is missing or invalid; the message says which and how to correct it."""


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One environment variable. An empty one counts as one that is not set."""

    name: str
    kind: ValueKind[T]
    default: T | None = None
    secret: bool = False
    """Whether the value may be shown to nobody, also not to the person who starts the process."""

    def find(self, environment: Mapping[str, str]) -> T | None:
        """Return the value, or the default where it is not set.

        Raises BadSetting for a value of another kind.
        """
        text = environment.get(self.name, "").strip()
        if not text:
            return self.default
        try:
            return self.kind.parse(text)
        except ValueError:
            shown = "not valid" if self.secret else repr(text[:MAX_SHOWN_CHARS])
            raise BadSetting(f"{self.name} is {shown}: it is {self.kind.expected}.") from None

    def read(self, environment: Mapping[str, str]) -> T:
        """Return what `find` does. Raises BadSetting also if there is neither value nor default."""
        value = self.find(environment)
        if value is None:
            raise BadSetting(
                f"{self.name} is not set: `make run` sets it, or see docs/settings.md."
            )
        return value
