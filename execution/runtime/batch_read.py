"""Collects the keys that the fields of one level read through one batch, and reads them at once."""

from collections.abc import Callable
from typing import Any

from execution.runtime.run import PlanRun, ValueCompleter

Batch = Callable[..., Any]
FieldRequest = tuple[ValueCompleter, list[Any], list[Any], str]
"""The completer of a field, a key and an output for each parent, and the response key."""


class BatchRead:
    """The pending read of one batch for all fields of a level."""

    __slots__ = ("_batch", "_fields", "_requests")

    def __init__(self, batch: Batch, fields: frozenset[str] | None) -> None:
        self._batch = batch
        self._fields = fields
        self._requests: list[FieldRequest] = []

    def add(
        self, completer: ValueCompleter, keys: list[Any], outputs: list[Any], name: str
    ) -> None:
        """Add one field with a key and an output for each parent."""
        self._requests.append((completer, keys, outputs, name))

    def cached(self, context: Any) -> dict[Any, Any] | None:
        """The result of every key if the loaders have all of them, otherwise None."""
        keys = self._distinct_keys()
        if not keys:
            return {}
        loaders = getattr(context, "loaders", None)
        if loaders is None:
            return None
        extra = () if self._fields is None else (self._fields,)
        results = loaders.loaded(self._batch, keys, *extra)
        return None if results is None else dict(zip(keys, results, strict=True))

    async def read(self, context: Any) -> dict[Any, Any]:
        """Load every key once; raises `LookupError` unless there is one result for each."""
        keys = self._distinct_keys()
        extra = () if self._fields is None else (self._fields,)
        results = await context.loaders.load_many(self._batch, keys, *extra)
        if len(results) != len(keys):
            name = getattr(self._batch, "__name__", "batch")
            raise LookupError(f"{name} did not give one answer for each key")
        return dict(zip(keys, results, strict=True))

    def _distinct_keys(self) -> list[Any]:
        distinct = dict.fromkeys(key for _, keys, _, _ in self._requests for key in keys)
        distinct.pop(None, None)
        return list(distinct)

    def place(self, results: dict[Any, Any] | Exception, run: PlanRun) -> None:
        """Complete the results into the outputs of all parents; a null key gives a null."""
        for completer, keys, outputs, name in self._requests:
            if isinstance(results, Exception):
                for output in outputs:
                    run.add_failure(completer.position, output, name, results)
            else:
                values = [None if key is None else results[key] for key in keys]
                completer.place_in_field(values, outputs, name, run)

    def retain(self, reachable: set[int]) -> bool:
        """Drop outputs that a null has removed from the response; return False if none remain."""
        requests: list[FieldRequest] = []
        for completer, keys, outputs, name in self._requests:
            pairs = [
                (key, output)
                for key, output in zip(keys, outputs, strict=True)
                if id(output) in reachable
            ]
            if pairs:
                remaining_keys = [key for key, _ in pairs]
                requests.append((completer, remaining_keys, [output for _, output in pairs], name))
        self._requests = requests
        return bool(requests)
