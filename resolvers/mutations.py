"""Runs a verb as one unit of work and answers its outcome: the row, or every reason against it."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from graphql import value_from_ast_untyped
from sqlalchemy import Select, Text, bindparam, cast, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import Keyed
from database.rows import model_of
from database.statements import kept
from models.ids import decode, encode, noun
from resolvers.context import Context, Info
from services.core import clock, idempotency
from services.core.problems import InvalidInput, Kept, Refused, key_of, not_found

Outcome = TypeVar("Outcome")
Verb = Callable[[AsyncSession], Awaitable[Any]]
LookUp = Callable[[AsyncSession], Awaitable[UUID]]
Company = UUID | LookUp | None
IDEMPOTENT = "idempotent"


async def attempt(
    info: Info,
    outcome: Callable[..., Outcome],
    verb: Verb,
    *,
    input: object,
    company_id: Company = None,
    anywhere: bool = False,
) -> Outcome:
    """Run `verb` in one transaction; `outcome(row)` when done, `outcome(errors=…)` when refused.

    With an idempotency key, an equal earlier request's row is answered instead of a second effect.
    `company_id` may be a look-up that refuses, such as `of(info, Store, id)`.
    `anywhere` is for verbs that check for themselves who may touch rows of any company or person.
    """
    context = info.context
    made = promised(info, input)
    try:
        known = None if callable(company_id) else company_id
        async with _unit(context, info.field_name, known, anywhere) as session:
            if callable(company_id):
                session.info["company_id"] = await company_id(session)
            if made is not None and (stored := await idempotency.begin(session, made)) is not None:
                replayed(context, made)
                return outcome(await recalled(session, stored))
            row = await _done(session, verb, made)
        if isinstance(row, Kept):
            raise row
        return outcome(row)
    except Refused as refused:
        return outcome(errors=refused.reasons)


async def _done(session: AsyncSession, verb: Verb, made: idempotency.Promise | None) -> Any:
    """The verb's row, or its refusal when the unit of work is to be kept all the same."""
    try:
        row = await verb(session)
    except Kept as refused:
        if made is not None:
            await idempotency.let_go(session, made)
        return refused
    if made is not None:
        await idempotency.settle(session, made, reference(row))
    return row


def _unit(
    context: Context, action: str, company: UUID | None, anywhere: bool
) -> AbstractAsyncContextManager[AsyncSession]:
    return context.write_anywhere(action) if anywhere else context.write(action, company)


def of(info: Info, model: type[Keyed], id: str, *path: str) -> LookUp:
    """A look-up of the company behind a public id, made in the unit of work that it widens.

    One statement: what the actor's own scope can't see neither answers nor widens anything.
    """

    async def look_up(session: AsyncSession) -> UUID:
        key = key_of(model, id, *path)
        found = (await session.execute(_widening(model), {"key": key})).first()
        if found is None:
            raise not_found(model, *path)
        clock.hear(session, found[2])
        return UUID(str(found[0]))

    return look_up


@cache
def _widening(model: type[Keyed]) -> Select[Any]:
    """Reads a row's company, lets the transaction into it, and tells the time, all in one."""
    column: Any = model.__table__.c.company_id
    widened = func.set_config("app.companies", cast(postgresql.array([column]), Text), True)
    return kept(select(column, widened, clock.CLOCK).where(model.id == bindparam("key")))


async def widen(session: AsyncSession, company_id: UUID) -> UUID:
    """Let the unit of work act inside a company, after it is known that the actor may."""
    await session.execute(
        select(func.set_config("app.companies", "{" + str(company_id) + "}", True))
    )
    return company_id


def promised(info: Info, input: object) -> idempotency.Promise | None:
    """The promise that the request's key makes for this mutation, if it has a key."""
    context = info.context
    context.writes += 1
    key = directive_key(info)
    key = context.idempotency_key if key is None else key
    if key is None:
        return None
    nth = "" if context.writes == 1 else f"#{context.writes}"
    return idempotency.promise(context.owner(), key + nth, info.field_name, input)


def directive_key(info: Info) -> str | None:
    """The key given by `@idempotent(key:)` on the mutation's field; refused when it is no key."""
    # Only the field's own directives are read: `info.selected_fields` converts all that is below.
    for node in info._raw_info.field_nodes:
        for directive in node.directives or ():
            if directive.name.value == IDEMPOTENT:
                (given,) = directive.arguments or ()
                key = value_from_ast_untyped(given.value, info.variable_values)
                return _fit(key) if isinstance(key, str) else None
    return None


def _fit(key: str) -> str:
    if 0 < len(key) <= idempotency.KEY_LENGTH and key.isprintable():
        return key
    message = f"An idempotency key has 1 to {idempotency.KEY_LENGTH} printable characters."
    raise Refused(InvalidInput(path=["key"], message=message))


def replayed(context: Context, made: idempotency.Promise) -> None:
    """Say in the answer's extensions that nothing was done a second time."""
    context.extensions.setdefault("replayed", []).append(made.key)


def reference(row: Any) -> dict[str, Any]:
    """How to find the outcome again."""
    return {"id": encode(model_of(row), row.id)} if isinstance(row, Keyed) else {}


async def recalled(session: AsyncSession, stored: dict[str, Any]) -> Any:
    """The row that an earlier equal request led to, as it is now."""
    model = noun(stored.get("id", ""))
    key = decode(model, stored["id"]) if model else None
    return await session.get(model, key) if model and key else None
