"""Declares GraphQL types and fields: their backing classes, access rules and batches."""

import inspect
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from functools import wraps
from typing import Any, TypeVar, dataclass_transform

import strawberry
from strawberry.types.field import StrawberryField

from dataloaders.batches import is_public
from execution.planning.field_metadata import NEEDED
from resolvers.rules import Rule

T = TypeVar("T")
Resolver = Callable[..., Any]
Stream = Callable[..., AsyncIterator[Any]]
Reader = Callable[[Any], Callable[[Any], Any]]
RowKey = Callable[[Mapping[str, Any]], Any]
ComposedOf = tuple[str, Mapping[str, str]]

BACKING: dict[type, type] = {}
ABOUT_INPUT = "The input of the mutation."


def column(description: str, *, allow: Rule | None = None, name: str | None = None) -> Any:
    """Declare a field that returns the parent's attribute of the same name.

    `name` is another name in the graph.
    """
    if allow is None:
        return strawberry.field(description=description, name=name)

    def read(parent: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return getattr(parent, info.python_name)

    return field(read, description, allow=allow, reads="")


def field(
    resolver: Resolver,
    description: str,
    *,
    allow: Rule | None = None,
    cost: int | None = None,
    reads: str | None = None,
    row_key: RowKey | None = None,
    loads: Resolver | None = None,
    pass_attributes: bool = False,
) -> Any:
    """Declare a field with a resolver; typed Any because parents are backing objects.

    `reads` names the only part of the context that the resolver depends on ("rows", "language", or
    "" for none), so that subscribers with equal values can share results.
    `row_key` computes from the arguments the `id` of the row that the resolver returns, so that
    its selected fields are loaded together with the row; `loads` is the batch that the resolver
    loads by its parent's `id`, for the same purpose.
    With `pass_attributes` the resolver returns a page, and its parameter `needed` is no argument of
    the field: the executor passes the attributes of the page's rows that the selected fields need.
    """
    metadata = _metadata(allow=allow, cost=cost, reads=reads, row_key=row_key, loads=loads)
    if pass_attributes:
        metadata["pass_attributes"] = True
        _hide_needed(resolver)
    return strawberry.field(
        resolver=_guarded(resolver, allow), description=description, metadata=metadata
    )


def derived(
    reader: Reader,
    description: str,
    *,
    reads: str = "",
    composed_of: ComposedOf | None = None,
    needs: Collection[str] | None = None,
) -> Any:
    """Declare a field that is computed from the parent alone.

    `reader` takes the context and returns the function from parent to value; the executor calls
    it once per request. `reads` names the part of the context that `reader` depends on, as in
    `field`. `needs` names the parent's attributes that are read. `composed_of` is for object types:
    the parent's attribute that is None when there is no object, and the parent's attribute for each
    field, with which the executor builds no object.
    """

    def resolve(parent: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return reader(info.context)(parent)

    metadata = _metadata(reader=reader, reads=reads, composed_of=composed_of, needs=needs)
    return strawberry.field(resolver=resolve, description=description, metadata=metadata)


def related(
    batch: Resolver,
    description: str,
    *,
    by: str = "id",
    allow: Rule | None = None,
    pass_fields: bool = False,
    pass_attributes: bool = False,
    cost: int | None = None,
    prefetch_with: Mapping[Resolver, Resolver] | None = None,
) -> Any:
    """Declare a field that is loaded in one batch for all parents of a level.

    The batch key is the parent's attribute `by`. The executor calls the batch itself, without a
    coroutine per parent. With `pass_fields` the batch gets the set of selected child fields as its
    third argument, with `pass_attributes` the set of attributes that they need (None if unknown).

    `prefetch_with` maps a batch that loads parents to a batch that takes the same keys and returns
    pairs of this batch's key and result; it runs at the same time as the parents' batch.
    """
    metadata = _metadata(batch=batch, by=by, allow=allow, cost=cost, prefetch_with=prefetch_with)
    metadata |= _metadata(pass_fields=pass_fields or None, pass_attributes=pass_attributes or None)
    metadata |= _metadata(public=is_public(batch) or None)
    resolver = _guarded(_batch_resolver(batch, by), allow)
    return strawberry.field(resolver=resolver, description=description, metadata=metadata)


def _batch_resolver(batch: Resolver, by: str) -> Resolver:
    """Return a resolver that loads the field for one parent, for graphql-core."""

    async def resolve(parent: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        key = getattr(parent, by)
        return None if key is None else await info.context.loaders.load(batch, key)

    return resolve


def mutation(resolver: Resolver, description: str, *, allow: Rule) -> Any:
    """Declare a mutation; `allow` has no default, so omitting it is a type error."""
    declared = strawberry.mutation(
        resolver=_guarded(resolver, allow),
        description=description,
        metadata={"allow": allow, "rule_required": True},
    )
    return _describe_input(declared)


def stream(resolver: Stream, description: str, *, allow: Rule) -> Any:
    """Declare a subscription field; its loaders' caches are cleared whenever events arrive."""
    return strawberry.subscription(
        resolver=_guarded_stream(resolver, allow),
        description=description,
        metadata={"allow": allow, "rule_required": True},
    )


def _hide_needed(resolver: Resolver) -> None:
    """Keep Strawberry from taking the resolver's parameter `needed` for an argument."""
    signature = inspect.signature(resolver)
    shown = [one for one in signature.parameters.values() if one.name != NEEDED]
    setattr(resolver, "__signature__", signature.replace(parameters=shown))  # noqa: B010 - functions carry attributes


def _metadata(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _describe_input(declared: StrawberryField) -> StrawberryField:
    for argument in declared.arguments:
        argument.description = argument.description or ABOUT_INPUT
    return declared


def _check(rule: Rule, info: strawberry.Info) -> None:
    error = rule.denial(info.context)
    if error is not None:
        raise error


def _covers(rule: Rule, args: tuple[Any, ...], arguments: dict[str, Any]) -> bool:
    parent = args[0] if args else arguments.get("parent")
    return rule.covers(arguments["info"].context, parent)


def _guarded(resolver: Resolver, rule: Rule | None) -> Resolver:
    """Return the resolver with a check of its rule; the signature, with `info`, stays the same.

    Where the rule does not extend to the parent, the field is null.
    """
    if rule is None or rule.anonymous:
        return resolver
    _require_info(resolver)
    if inspect.iscoroutinefunction(resolver):

        @wraps(resolver)
        async def checked_async(*args: Any, **arguments: Any) -> Any:
            _check(rule, arguments["info"])
            if not _covers(rule, args, arguments):
                return None
            return await resolver(*args, **arguments)

        return checked_async

    @wraps(resolver)
    def checked(*args: Any, **arguments: Any) -> Any:
        _check(rule, arguments["info"])
        if not _covers(rule, args, arguments):
            return None
        return resolver(*args, **arguments)

    return checked


def _require_info(resolver: Resolver) -> None:
    if "info" not in inspect.signature(resolver).parameters:
        name = f"{resolver.__module__}.{resolver.__qualname__}"
        raise TypeError(f"{name} is behind a rule, which reads `info`: give it that parameter.")


def _guarded_stream(resolver: Stream, rule: Rule) -> Stream:
    _require_info(resolver)

    @wraps(resolver)
    async def events(*args: Any, **arguments: Any) -> AsyncIterator[Any]:
        info: strawberry.Info = arguments["info"]
        _check(rule, info)
        info.context.stream_denial = rule.denial
        source = resolver(*args, **arguments)
        # `info` references the whole execution; a stream may wait for hours without events.
        del info
        arguments.clear()
        try:
            async for event in source:
                yield event
                del event
        finally:
            close = getattr(source, "aclose", None)
            if close is not None:
                await close()

    return events


@dataclass_transform(kw_only_default=True, field_specifiers=(column, field, derived, related))
def backed_by(
    model: type, description: str, *, name: str | None = None
) -> Callable[[type[T]], type[T]]:
    """Declare a GraphQL type whose parent objects are instances of `model`.

    The type's name is that of the class without the suffix `Type`, unless `name` is given.
    """

    def is_type_of(obj: object, _info: object) -> bool:
        return isinstance(obj, model)

    # The executor checks the classes of a whole level with this, without a call per row.
    is_type_of.backing = model  # type: ignore[attr-defined] # functions carry attributes

    def decorate(cls: type[T]) -> type[T]:
        setattr(cls, "is_type_of", is_type_of)  # noqa: B010 - the class has no such attribute
        BACKING[cls] = model
        graph_name = name or cls.__name__.removesuffix("Type")
        return strawberry.type(cls, description=description, name=graph_name)

    return decorate
