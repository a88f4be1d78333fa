"""Files of stock: started, watched and looked into by a company's managers and admins."""

from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.ids import encode
from models.imports import StockImport, StockImportRow, StockUpload
from resolvers.context import Info
from resolvers.imports.inputs import StockImportStartInput
from resolvers.mutations import attempt, widen
from services.core.pages import Page
from services.core.problems import key_of, not_found
from services.imports import stock_imports

ImportId = Annotated[strawberry.ID, strawberry.argument(description="The import's id.")]
CompanyId = Annotated[strawberry.ID, strawberry.argument(description="Your company.")]
First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class StockImportOutcome:
    """What `stockImportStart` answers: the import, or every reason against it."""

    stock_import: StockImport | None = None
    errors: list[Any] = field(default_factory=list)


async def one(info: Info, id: ImportId) -> StockImport:
    key = key_of(StockImport, id, "id")
    async with info.context.read() as session:
        return await stock_imports.visible(session, actor=info.context.actor, import_id=key)


async def of_company(
    info: Info, company_id: CompanyId, first: First, after: After = None
) -> Page[StockImport]:
    actor, company = info.context.actor, key_of(Company, company_id, "companyId")
    async with info.context.read() as session:
        return await stock_imports.of_company(
            session, actor=actor, company_id=company, first=first, cursor=after
        )


async def errors(
    info: Info, import_id: ImportId, first: First, after: After = None
) -> Page[StockImportRow]:
    actor, key = info.context.actor, key_of(StockImport, import_id, "importId")
    async with info.context.read() as session:
        return await stock_imports.errors(
            session, actor=actor, import_id=key, first=first, cursor=after
        )


async def uploads(info: Info) -> list[StockUpload]:
    async with info.context.read() as session:
        return list(await stock_imports.uploads(session, actor=info.context.actor))


async def start(info: Info, input: StockImportStartInput) -> StockImportOutcome:
    async def company(session: AsyncSession) -> UUID:
        return await widen(session, _own_company(info, input.company_id))

    return await attempt(
        info,
        StockImportOutcome,
        lambda session: stock_imports.start(session, **_start(info, input)),
        input=input,
        company_id=company,
    )


def _own_company(info: Info, id: strawberry.ID) -> UUID:
    """The company, if the actor may set the books of any of its stores."""
    key = key_of(Company, id, "companyId")
    if stock_imports.reach(info.context.actor, key) == []:
        raise not_found(Company, "companyId")
    return key


def _start(info: Info, input: StockImportStartInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "company_id": key_of(Company, input.company_id, "companyId"),
        "upload_id": key_of(StockUpload, input.upload_id, "uploadId"),
        "taking": stock_imports.Taking(input.format, input.mode, input.on_error),
    }


def error_file(parent: strawberry.Parent[StockImport], info: Info) -> str | None:
    """Where the bad rows can be fetched, with the same access token."""
    if not parent.rows_failed:
        return None
    return f"/imports/{encode(StockImport, parent.id)}/errors.csv"
