"""How the fields of a selection get their values: one kind of step for each kind of field.

A step is started with all parents of a level and the answers under way for them. It never
raises: what goes wrong is noted at the place of the parent it went wrong for.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from execution.planning.arguments import Converter
from execution.running.batch import Batch, BatchWork
from execution.running.complete import Completer
from execution.running.field_position import Field

if TYPE_CHECKING:
    from execution.running.run import Run

Getter = Callable[[Any], Any]
PRIMARY = "id"


class Step(ABC):
    """A field that is not simply copied from an attribute."""

    __slots__ = ("completer", "field")

    def __init__(self, field: Field, completer: Completer) -> None:
        self.field = field
        self.completer = completer

    @abstractmethod
    def start(self, parents: list[Any], outs: list[Any], run: "Run") -> None:
        """Get the field's value for each parent and complete it into the answer of each."""

    def foresee(self, key: Any, run: "Run") -> None:  # noqa: B027 - most fields need nothing
        """Begin to read for a parent that has been asked for by this primary key."""

    def _place(self, values: list[Any], outs: list[Any], run: "Run") -> None:
        if values:
            self.completer.place_under(values, outs, self.field.key, run)

    def _fail(self, outs: list[Any], error: Exception, run: "Run") -> None:
        for out in outs:
            run.fail(self.completer.site, out, self.field.key, error)

    def _each(self, parents: list[Any], outs: list[Any], get: Getter, run: "Run") -> None:
        """Ask `get` for every parent; one that raises fails alone."""
        values: list[Any] = []
        answered: list[Any] = []
        for parent, out in zip(parents, outs, strict=True):
            try:
                values.append(get(parent))
            except Exception as error:
                run.fail(self.completer.site, out, self.field.key, error)
            else:
                answered.append(out)
        self._place(values, answered, run)


class AttributeStep(Step):
    """An attribute of the parent that holds objects, or lists of them."""

    __slots__ = ("_get",)

    def __init__(self, field: Field, completer: Completer, get: Getter) -> None:
        super().__init__(field, completer)
        self._get = get

    def start(self, parents: list[Any], outs: list[Any], run: "Run") -> None:
        try:
            values = list(map(self._get, parents))
        except Exception:
            self._each(parents, outs, self._get, run)
        else:
            self._place(values, outs, run)


class ReaderStep(Step):
    """A field worked out of the parent alone that holds objects, or lists of them."""

    __slots__ = ("_reader",)

    def __init__(self, field: Field, completer: Completer, reader: Callable[[Any], Getter]) -> None:
        super().__init__(field, completer)
        self._reader = reader

    def start(self, parents: list[Any], outs: list[Any], run: "Run") -> None:
        try:
            get = self._reader(run.context)
        except Exception as error:
            self._fail(outs, error, run)
            return
        try:
            values = list(map(get, parents))
        except Exception:
            self._each(parents, outs, get, run)
        else:
            self._place(values, outs, run)


class ResolverStep(Step):
    """A field with a resolver, called once per parent with arguments that were coerced once."""

    __slots__ = (
        "_awaits", "_converter", "_foresees", "_function", "_info", "_parent", "_positional",
        "_strawberry",
    )  # fmt: skip

    def __init__(
        self,
        field: Field,
        completer: Completer,
        strawberry: StrawberryField,
        resolver: StrawberryResolver[Any],
        converter: Converter,
    ) -> None:
        super().__init__(field, completer)
        self._converter = converter
        self._strawberry = strawberry
        self._foresees = strawberry.metadata.get("foresees")
        self._function: Callable[..., Any] = resolver.wrapped_func  # type: ignore[assignment] # bound
        self._awaits = inspect.iscoroutinefunction(self._function)
        parents = (resolver.self_parameter, resolver.parent_parameter, resolver.root_parameter)
        names = [parameter.name for parameter in parents if parameter is not None]
        first = next(iter(resolver.signature.parameters.values()), None)
        self._positional = (
            first is not None
            and first.name in names
            and first.kind in (first.POSITIONAL_ONLY, first.POSITIONAL_OR_KEYWORD)
        )
        self._parent = names[1:] if self._positional else names
        self._info = resolver.info_parameter.name if resolver.info_parameter else None

    def start(self, parents: list[Any], outs: list[Any], run: "Run") -> None:
        try:
            denied = run.refusal(self.field, self._strawberry)
            if denied is not None:
                self._fail(outs, denied, run)
                return
            arguments = dict(run.arguments(self.field, self._converter))
            if self._info is not None:
                arguments[self._info] = run.strawberry_info(self.field)
        except Exception as error:
            self._fail(outs, error, run)
            return
        key = self._foresees(arguments) if self._foresees is not None else None
        if key is not None:
            for step in _steps_below(self.completer):
                step.foresee(key, run)
        call = self._call(arguments)
        if not self._awaits:
            self._each(parents, outs, call, run)
            return
        for parent, out in zip(parents, outs, strict=True):
            run.later(call(parent), self.completer, out, self.field.key)

    def foresee(self, key: Any, run: "Run") -> None:
        """As the promise; the resolver finds it in the loaders' memory."""
        loads = self._strawberry.metadata.get("loads")
        if loads is not None and run.refusal(self.field, self._strawberry) is None:
            run.context.loaders.foresee(loads, key)

    def _call(self, arguments: dict[str, Any]) -> Getter:
        function, names = self._function, self._parent
        if self._positional and not names:
            return partial(_with_parent, function, arguments) if arguments else function
        if self._positional:
            return lambda parent: function(parent, **dict.fromkeys(names, parent), **arguments)
        return lambda parent: function(**dict.fromkeys(names, parent), **arguments)


def _with_parent(function: Getter, arguments: dict[str, Any], parent: Any) -> Any:
    return function(parent, **arguments)


class BatchStep(Step):
    """A field read for all parents of the level at once, by the key that each parent carries."""

    __slots__ = ("_ahead", "_batch", "_by", "_fields", "_get", "_strawberry")

    def __init__(
        self,
        field: Field,
        completer: Completer,
        strawberry: StrawberryField,
        fields: frozenset[str] | None,
    ) -> None:
        super().__init__(field, completer)
        self._strawberry = strawberry
        self._batch: Batch = strawberry.metadata["batch"]
        self._ahead: Mapping[Batch, Batch] = strawberry.metadata.get("ahead", {})
        self._by = strawberry.metadata["by"]
        self._get = attrgetter(self._by)
        self._fields = fields

    def foresee(self, key: Any, run: "Run") -> None:
        """As the promise, and what is below that, as far as it can be read ahead."""
        if self._by != PRIMARY or run.refusal(self.field, self._strawberry) is not None:
            return
        extra = () if self._fields is None else (self._fields,)
        run.context.loaders.foresee(self._batch, key, *extra)
        for step in _steps_below(self.completer):
            if isinstance(step, BatchStep):
                step.foresee_below(self._batch, key, run)

    def foresee_below(self, above: Batch, key: Any, run: "Run") -> None:
        """Begin to read for a parent that the batch `above` will answer for this key."""
        ahead = self._ahead.get(above)
        if ahead is not None and run.refusal(self.field, self._strawberry) is None:
            run.context.loaders.read_ahead(self._batch, ahead, key)

    def start(self, parents: list[Any], outs: list[Any], run: "Run") -> None:
        try:
            denied = run.refusal(self.field, self._strawberry)
        except Exception as error:
            denied = error
        if denied is not None:
            self._fail(outs, denied, run)
            return
        try:
            keys = list(map(self._get, parents))
        except Exception:
            keys, outs = self._readable(parents, outs, run)
        name = (self._batch, self._fields)
        work = run.batches.get(name)
        if work is None:
            work = run.batches[name] = BatchWork(self._batch, self._fields)
        work.ask(self.completer, keys, outs, self.field.key)

    def _readable(
        self, parents: list[Any], outs: list[Any], run: "Run"
    ) -> tuple[list[Any], list[Any]]:
        keys: list[Any] = []
        readable: list[Any] = []
        for parent, out in zip(parents, outs, strict=True):
            try:
                keys.append(self._get(parent))
            except Exception as error:
                run.fail(self.completer.site, out, self.field.key, error)
            else:
                readable.append(out)
        return keys, readable


def _steps_below(completer: Completer) -> Sequence[Step]:
    """The fields of one row that are more than its attributes."""
    selection = getattr(completer, "selection", None)
    return () if selection is None else selection.steps


class ForeignStep(Step):
    """A field that only graphql-core's own resolve function answers: extensions, introspection."""

    __slots__ = ()

    def start(self, parents: list[Any], outs: list[Any], run: "Run") -> None:
        resolve: Any = self.field.definition.resolve
        try:
            arguments = run.arguments(self.field)
            info = run.info(self.field)
        except Exception as error:
            self._fail(outs, error, run)
            return
        self._each(parents, outs, lambda parent: resolve(parent, info, **arguments), run)
