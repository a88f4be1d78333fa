"""Resolution of field values: one step class per kind of field.

A step starts with all parents of a level and their outputs: the response objects being filled. It
never raises; an error is recorded at the position of the parent that caused it.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from execution.runtime.arguments import ArgumentConverter
from execution.runtime.batch_read import Batch, BatchRead
from execution.runtime.completers import Completer
from execution.runtime.field_position import CollectedField
from execution.runtime.run import PlanRun

Getter = Callable[[Any], Any]
PRIMARY_KEY = "id"


class FieldStep(ABC):
    """Resolves one field that is more than a leaf read from an attribute."""

    __slots__ = ("completer", "field")

    def __init__(self, field: CollectedField, completer: Completer) -> None:
        self.field = field
        self.completer = completer

    @abstractmethod
    def start(self, parents: list[Any], outputs: list[Any], run: PlanRun) -> None:
        """Resolve the field for each parent and complete the value into its output."""

    def prefetch(self, key: Any, run: PlanRun) -> None:  # noqa: B027 - most fields prefetch nothing
        """Start to read for the parent with this primary key, which is being loaded."""

    def _place(self, values: list[Any], outputs: list[Any], run: PlanRun) -> None:
        if values:
            self.completer.place_in_field(values, outputs, self.field.key, run)

    def _fail(self, outputs: list[Any], error: Exception, run: PlanRun) -> None:
        for output in outputs:
            run.add_failure(self.completer.position, output, self.field.key, error)

    def _resolve_each(
        self, parents: list[Any], outputs: list[Any], get: Getter, run: PlanRun
    ) -> None:
        """Call `get` for each parent; an error affects only that parent."""
        values: list[Any] = []
        resolved: list[Any] = []
        for parent, output in zip(parents, outputs, strict=True):
            try:
                values.append(get(parent))
            except Exception as error:
                run.add_failure(self.completer.position, output, self.field.key, error)
            else:
                resolved.append(output)
        self._place(values, resolved, run)


class AttributeStep(FieldStep):
    """A field with objects or lists of objects, read from an attribute of the parent."""

    __slots__ = ("_get",)

    def __init__(self, field: CollectedField, completer: Completer, get: Getter) -> None:
        super().__init__(field, completer)
        self._get = get

    def start(self, parents: list[Any], outputs: list[Any], run: PlanRun) -> None:
        try:
            values = list(map(self._get, parents))
        except Exception:
            self._resolve_each(parents, outputs, self._get, run)
        else:
            self._place(values, outputs, run)


class ReaderStep(FieldStep):
    """A field with objects or lists of objects, computed from the parent alone."""

    __slots__ = ("_reader",)

    def __init__(
        self, field: CollectedField, completer: Completer, reader: Callable[[Any], Getter]
    ) -> None:
        super().__init__(field, completer)
        self._reader = reader

    def start(self, parents: list[Any], outputs: list[Any], run: PlanRun) -> None:
        try:
            get = self._reader(run.context)
        except Exception as error:
            self._fail(outputs, error, run)
            return
        try:
            values = list(map(get, parents))
        except Exception:
            self._resolve_each(parents, outputs, get, run)
        else:
            self._place(values, outputs, run)


class ResolverStep(FieldStep):
    """A field with a resolver, called once per parent; arguments are coerced once per request."""

    __slots__ = (
        "_converter", "_function", "_info_name", "_is_async", "_parent_names", "_positional",
        "_prefetch_key", "_strawberry", "constants",
    )  # fmt: skip

    def __init__(
        self,
        field: CollectedField,
        completer: Completer,
        strawberry: StrawberryField,
        resolver: StrawberryResolver[Any],
        converter: ArgumentConverter,
    ) -> None:
        super().__init__(field, completer)
        self._converter = converter
        self._strawberry = strawberry
        self._prefetch_key = strawberry.metadata.get("row_key")
        self.constants: dict[str, Any] = {}
        """Arguments that are the same in every request and don't come from the document."""
        self._function: Callable[..., Any] = resolver.wrapped_func  # type: ignore[assignment] # bound
        self._is_async = inspect.iscoroutinefunction(self._function)
        parents = (resolver.self_parameter, resolver.parent_parameter, resolver.root_parameter)
        names = [parameter.name for parameter in parents if parameter is not None]
        first = next(iter(resolver.signature.parameters.values()), None)
        self._positional = (
            first is not None
            and first.name in names
            and first.kind in (first.POSITIONAL_ONLY, first.POSITIONAL_OR_KEYWORD)
        )
        self._parent_names = names[1:] if self._positional else names
        self._info_name = resolver.info_parameter.name if resolver.info_parameter else None

    def start(self, parents: list[Any], outputs: list[Any], run: PlanRun) -> None:
        try:
            access_error = run.check_access(self.field, self._strawberry)
            if access_error is not None:
                self._fail(outputs, access_error, run)
                return
            arguments = {**run.arguments(self.field, self._converter), **self.constants}
            if self._info_name is not None:
                arguments[self._info_name] = run.strawberry_info(self.field)
        except Exception as error:
            self._fail(outputs, error, run)
            return
        key = self._prefetch_key(arguments) if self._prefetch_key is not None else None
        if key is not None:
            for step in _steps_below(self.completer):
                step.prefetch(key, run)
        call = self._bind(arguments)
        if not self._is_async:
            self._resolve_each(parents, outputs, call, run)
            return
        for parent, output in zip(parents, outputs, strict=True):
            run.complete_later(call(parent), self.completer, output, self.field.key)

    def prefetch(self, key: Any, run: PlanRun) -> None:
        """Load what the resolver will load by its parent's id."""
        loads = self._strawberry.metadata.get("loads")
        if loads is not None and run.check_access(self.field, self._strawberry) is None:
            run.context.loaders.prefetch(loads, key)

    def _bind(self, arguments: dict[str, Any]) -> Getter:
        """The resolver as a function of the parent alone."""
        function, names = self._function, self._parent_names
        if self._positional and not names:
            return partial(_with_parent, function, arguments) if arguments else function
        if self._positional:
            return lambda parent: function(parent, **dict.fromkeys(names, parent), **arguments)
        return lambda parent: function(**dict.fromkeys(names, parent), **arguments)


def _with_parent(function: Getter, arguments: dict[str, Any], parent: Any) -> Any:
    return function(parent, **arguments)


class BatchStep(FieldStep):
    """A field read by one batch for all parents of a level, by an attribute of each as key."""

    __slots__ = ("_ahead", "_batch", "_fields", "_get", "_key_attribute", "_strawberry")

    def __init__(
        self,
        field: CollectedField,
        completer: Completer,
        strawberry: StrawberryField,
        fields: frozenset[str] | None,
    ) -> None:
        super().__init__(field, completer)
        self._strawberry = strawberry
        self._batch: Batch = strawberry.metadata["batch"]
        self._ahead: Mapping[Batch, Batch] = strawberry.metadata.get("prefetch_with", {})
        self._key_attribute = strawberry.metadata["by"]
        self._get = attrgetter(self._key_attribute)
        self._fields = fields

    def prefetch(self, key: Any, run: PlanRun) -> None:
        """Load this field, and the batches below it that have a read by the same key."""
        if (
            self._key_attribute != PRIMARY_KEY
            or run.check_access(self.field, self._strawberry) is not None
        ):
            return
        extra = () if self._fields is None else (self._fields,)
        run.context.loaders.prefetch(self._batch, key, *extra)
        for step in _steps_below(self.completer):
            if isinstance(step, BatchStep):
                step.prefetch_below(self._batch, key, run)

    def prefetch_below(self, parent_batch: Batch, key: Any, run: PlanRun) -> None:
        """Start to read for the parent that `parent_batch` will return for this key."""
        ahead = self._ahead.get(parent_batch)
        if ahead is not None and run.check_access(self.field, self._strawberry) is None:
            run.context.loaders.read_ahead(self._batch, ahead, key)

    def start(self, parents: list[Any], outputs: list[Any], run: PlanRun) -> None:
        try:
            access_error = run.check_access(self.field, self._strawberry)
        except Exception as error:
            access_error = error
        if access_error is not None:
            self._fail(outputs, access_error, run)
            return
        try:
            keys = list(map(self._get, parents))
        except Exception:
            keys, outputs = self._read_keys(parents, outputs, run)
        else:
            keys = self._covered(keys, parents, run)
        name = (self._batch, self._fields)
        read = run.batches.get(name)
        if read is None:
            read = run.batches[name] = BatchRead(self._batch, self._fields)
        read.add(self.completer, keys, outputs, self.field.key)

    def _covered(self, keys: list[Any], parents: list[Any], run: PlanRun) -> list[Any]:
        """The keys, None for each parent to which the field's rule does not extend."""
        rule = self._strawberry.metadata.get("allow")
        if rule is None:
            return keys
        pairs = zip(keys, parents, strict=True)
        return [key if rule.covers(run.context, parent) else None for key, parent in pairs]

    def _read_keys(
        self, parents: list[Any], outputs: list[Any], run: PlanRun
    ) -> tuple[list[Any], list[Any]]:
        keys: list[Any] = []
        readable: list[Any] = []
        for parent, output in zip(parents, outputs, strict=True):
            try:
                keys.append(self._get(parent))
            except Exception as error:
                run.add_failure(self.completer.position, output, self.field.key, error)
            else:
                readable.append(output)
        return keys, readable


def _steps_below(completer: Completer) -> Sequence[FieldStep]:
    """The steps of the selection, if the completer is that of an object type."""
    selection = getattr(completer, "selection", None)
    return () if selection is None else selection.steps


class GraphQLCoreStep(FieldStep):
    """A field that needs graphql-core's resolve function: field extensions, introspection."""

    __slots__ = ()

    def start(self, parents: list[Any], outputs: list[Any], run: PlanRun) -> None:
        resolve: Any = self.field.definition.resolve
        try:
            arguments = run.arguments(self.field)
            info = run.info(self.field)
        except Exception as error:
            self._fail(outputs, error, run)
            return
        self._resolve_each(parents, outputs, lambda parent: resolve(parent, info, **arguments), run)
