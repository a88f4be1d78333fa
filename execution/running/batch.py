"""The reads that a level asks of one batch, made in one call."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from execution.running.complete import Completer

if TYPE_CHECKING:
    from execution.running.run import Run

Batch = Callable[..., Any]
Asked = tuple[Completer, list[Any], list[Any], str]


class BatchWork:
    """One batch, every field of the level that reads through it, and the keys of their parents."""

    __slots__ = ("_asked", "_batch", "_fields", "_keys")

    def __init__(self, batch: Batch, fields: frozenset[str] | None) -> None:
        self._batch = batch
        self._fields = fields
        self._asked: list[Asked] = []
        self._keys: list[Any] = []

    def ask(self, completer: Completer, keys: list[Any], outs: list[Any], name: str) -> None:
        """Add the parents of one field: a key and an answer under way for each."""
        self._asked.append((completer, keys, outs, name))

    def known(self, context: Any) -> dict[Any, Any] | None:
        """The answer of every key, when nothing is left to be read for that."""
        wanted = self._wanted()
        if not wanted:
            return {}
        loaders = getattr(context, "loaders", None)
        if loaders is None:
            return None
        extra = () if self._fields is None else (self._fields,)
        answers = loaders.known(self._batch, wanted, *extra)
        return None if answers is None else dict(zip(wanted, answers, strict=True))

    async def read(self, context: Any) -> dict[Any, Any]:
        """The answer of every key that was asked for, each key read once."""
        wanted = self._wanted()
        extra = () if self._fields is None else (self._fields,)
        answers = await context.loaders.batch(self._batch, wanted, *extra)
        if len(answers) != len(wanted):
            name = getattr(self._batch, "__name__", "batch")
            raise LookupError(f"{name} did not give one answer for each key")
        return dict(zip(wanted, answers, strict=True))

    def _wanted(self) -> list[Any]:
        asked = dict.fromkeys(key for _, keys, _, _ in self._asked for key in keys)
        asked.pop(None, None)
        return list(asked)

    def place(self, answer: dict[Any, Any] | Exception, run: "Run") -> None:
        """Complete what was read under every parent that asked; a missing key reads as null."""
        for completer, keys, outs, name in self._asked:
            if isinstance(answer, Exception):
                for out in outs:
                    run.fail(completer.site, out, name, answer)
            else:
                values = [None if key is None else answer[key] for key in keys]
                completer.place_under(values, outs, name, run)

    def keep(self, reachable: set[int]) -> bool:
        """Forget parents that a null has taken out of the answer; False when none are left."""
        kept: list[Asked] = []
        for completer, keys, outs, name in self._asked:
            pairs = [(k, out) for k, out in zip(keys, outs, strict=True) if id(out) in reachable]
            if pairs:
                kept.append((completer, [k for k, _ in pairs], [out for _, out in pairs], name))
        self._asked = kept
        return bool(kept)
