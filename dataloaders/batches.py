"""Batch reads and their options. A batch is one plain function: session and keys in, answers out.

`@public` marks a batch that reads the catalog only: it runs under the read-only role, outside any
person's scope, and its reads are merged over all operations. `@trusted_keys` marks one whose keys
prove by themselves that the rows may be seen: it runs in the platform's scope, merged likewise.
Every other batch runs in the scope of its operation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class BatchScope(Enum):
    """In which scope a batch is read for all operations together."""

    PUBLIC = auto()
    PLATFORM = auto()


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a batch is read for all operations together."""

    scope: BatchScope
    lifetime_seconds: float | None = None
    """How old an answer may be; None: read after it was asked for."""


BATCH_OPTIONS: dict[Callable[..., Any], BatchOptions] = {}
"""The options of the batches that are read for all operations together."""


def public(batch: F) -> F:
    """Mark a batch that reads nothing but the public catalog."""
    BATCH_OPTIONS[batch] = BatchOptions(BatchScope.PUBLIC)
    return batch


def public_cached(seconds: float) -> Callable[[F], F]:
    """Mark a public batch whose answers may be that old."""

    def mark(batch: F) -> F:
        BATCH_OPTIONS[batch] = BatchOptions(BatchScope.PUBLIC, seconds)
        return batch

    return mark


def trusted_keys(batch: F) -> F:
    """Mark a batch that answers whoever knows a key: its keys are made of rows that the caller has
    been shown, never of what the caller sends."""
    BATCH_OPTIONS[batch] = BatchOptions(BatchScope.PLATFORM)
    return batch


def is_public(batch: Callable[..., Any]) -> bool:
    """Whether a batch answers everybody alike."""
    options = BATCH_OPTIONS.get(batch)
    return options is not None and options.scope is BatchScope.PUBLIC
