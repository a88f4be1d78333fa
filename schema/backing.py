"""Binds GraphQL types to the classes of the rows behind them, and fields to rules and batches."""

import inspect
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from functools import wraps
from typing import Any, TypeVar, dataclass_transform

import strawberry
from strawberry.types.field import StrawberryField

from resolvers.rules import Rule

T = TypeVar("T")
Resolver = Callable[..., Any]
Stream = Callable[..., AsyncIterator[Any]]
Reader = Callable[[Any], Callable[[Any], Any]]
Foresees = Callable[[Mapping[str, Any]], Any]
MadeOf = tuple[str, Mapping[str, str]]

BACKING: dict[type, type] = {}
ABOUT_INPUT = "Everything the mutation needs to know."


def column(description: str, *, allow: Rule | None = None) -> Any:
    """A field read straight off the row's attribute of the same name."""
    if allow is None:
        return strawberry.field(description=description)

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
    foresees: Foresees | None = None,
    loads: Resolver | None = None,
) -> Any:
    """A field answered by `resolver`; typed Any because parents are backing objects.

    `reads` promises that the resolver looks at no more of its context than this ("rows",
    "language", or "" for nothing), so that subscribers who are alike in it can share answers.
    `foresees` tells from the arguments the `id` of the one row that the resolver will answer, if
    it answers any, so that what is selected of that row is read with it and not after it; `loads`
    is the batch that a resolver loads by the `id` of its parent, for the same reason.
    """
    metadata = _metadata(allow=allow, cost=cost, reads=reads, foresees=foresees, loads=loads)
    return strawberry.field(
        resolver=_guarded(resolver, allow), description=description, metadata=metadata
    )


def derived(
    reader: Reader,
    description: str,
    *,
    reads: str = "",
    made_of: MadeOf | None = None,
    needs: Collection[str] | None = None,
) -> Any:
    """A field worked out of the parent alone, by a function that `reader` makes for a request.

    The executor has the function made once a request and calls it as it reads attributes. `reads`
    names what of its context `reader` looks at, as in `field`. `made_of` says of an object which
    of the parent's attributes stand for its own, and which of the parent's is None without it: then
    the executor needs no object. `needs` names all attributes of the parent that are read.
    """

    def resolve(parent: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return reader(info.context)(parent)

    metadata = _metadata(reader=reader, reads=reads, made_of=made_of, needs=needs)
    return strawberry.field(resolver=resolve, description=description, metadata=metadata)


def related(
    batch: Resolver,
    description: str,
    *,
    by: str = "id",
    allow: Rule | None = None,
    look: bool = False,
    narrow: bool = False,
    cost: int | None = None,
    ahead: Mapping[Resolver, Resolver] | None = None,
) -> Any:
    """A field read in one batch for all parents of a level, keyed by the parent's attribute `by`.

    The executor calls the batch itself, without a coroutine per parent; `look` gives the batch
    the set of selected child fields as its third argument, `narrow` that of the attributes which
    these are read from, or None where that can't be told.

    `ahead` names, for a batch that parents come from, another that goes by the keys of that one and
    answers pairs of this batch's key and answer: it is read together with the parents.
    """
    metadata = _metadata(batch=batch, by=by, allow=allow, cost=cost, ahead=ahead)
    metadata |= _metadata(look=look or None, narrow=narrow or None)
    resolver = _guarded(_loading(batch, by), allow)
    return strawberry.field(resolver=resolver, description=description, metadata=metadata)


def _loading(batch: Resolver, by: str) -> Resolver:
    """How graphql-core reads the same for one parent."""

    async def resolve(parent: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        key = getattr(parent, by)
        return None if key is None else await info.context.loaders.load(batch, key)

    return resolve


def mutation(resolver: Resolver, description: str, *, allow: Rule) -> Any:
    """A write; `allow` has no default, so forgetting it is a type error."""
    made = strawberry.mutation(
        resolver=_guarded(resolver, allow),
        description=description,
        metadata={"allow": allow, "rule_required": True},
    )
    return _describe_input(made)


def stream(resolver: Stream, description: str, *, allow: Rule) -> Any:
    """A subscription field; its flow forgets what the loaders knew whenever events come."""
    return strawberry.subscription(
        resolver=_listening(resolver, allow),
        description=description,
        metadata={"allow": allow, "rule_required": True},
    )


def _metadata(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _describe_input(made: StrawberryField) -> StrawberryField:
    for argument in made.arguments:
        argument.description = argument.description or ABOUT_INPUT
    return made


def _check(rule: Rule, info: strawberry.Info) -> None:
    denied = rule.refuse(info.context)
    if denied is not None:
        raise denied


def _guarded(resolver: Resolver, rule: Rule | None) -> Resolver:
    """The resolver behind its rule. It keeps its signature, which names `info`."""
    if rule is None or rule.anonymous:
        return resolver
    _need_info(resolver)
    if inspect.iscoroutinefunction(resolver):

        @wraps(resolver)
        async def later(*args: Any, **arguments: Any) -> Any:
            _check(rule, arguments["info"])
            return await resolver(*args, **arguments)

        return later

    @wraps(resolver)
    def now(*args: Any, **arguments: Any) -> Any:
        _check(rule, arguments["info"])
        return resolver(*args, **arguments)

    return now


def _need_info(resolver: Resolver) -> None:
    if "info" not in inspect.signature(resolver).parameters:
        name = f"{resolver.__module__}.{resolver.__qualname__}"
        raise TypeError(f"{name} is behind a rule, which reads `info`: give it that parameter.")


def _listening(resolver: Stream, rule: Rule) -> Stream:
    _need_info(resolver)

    @wraps(resolver)
    async def events(*args: Any, **arguments: Any) -> AsyncIterator[Any]:
        info: strawberry.Info = arguments["info"]
        _check(rule, info)
        source = resolver(*args, **arguments)
        # An info holds the whole execution, and a stream may be quiet for hours.
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

    The class is named after the type with `Type` behind it, which the graph leaves out.
    """

    def is_type_of(obj: object, _info: object) -> bool:
        return isinstance(obj, model)

    # The executor checks the classes of a whole level by this, without a call for each row.
    is_type_of.backing = model  # type: ignore[attr-defined] # functions carry attributes

    def decorate(cls: type[T]) -> type[T]:
        setattr(cls, "is_type_of", is_type_of)  # noqa: B010 - the class has no such attribute
        BACKING[cls] = model
        graph_name = name or cls.__name__.removesuffix("Type")
        return strawberry.type(cls, description=description, name=graph_name)

    return decorate
