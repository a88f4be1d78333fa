"""Imports of stock files: started and read by a company's managers and admins."""

from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.ids import encode_id
from models.imports import StockImport, StockImportFile, StockImportRow
from resolvers.context import Info
from resolvers.imports.inputs import StockImportStartInput
from resolvers.mutations import run_mutation, widen_scope
from services.core.pages import Page
from services.core.problems import not_found, parse_id
from services.imports import stock_imports

ImportId = Annotated[strawberry.ID, strawberry.argument(description="The import's id.")]
CompanyId = Annotated[strawberry.ID, strawberry.argument(description="The company.")]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class StockImportOutcome:
    """Result of `stockImportStart`: the import, or the errors."""

    stock_import: StockImport | None = None
    errors: list[Any] = field(default_factory=list)


async def get_import(info: Info, id: ImportId) -> StockImport:
    key = parse_id(StockImport, id, "id")
    async with info.context.read() as session:
        return await stock_imports.visible_import(session, actor=info.context.actor, import_id=key)


async def list_of_company(
    info: Info, company_id: CompanyId, first: First, after: After = None
) -> Page[StockImport]:
    actor, company = info.context.actor, parse_id(Company, company_id, "companyId")
    async with info.context.read() as session:
        return await stock_imports.list_of_company(
            session, actor=actor, company_id=company, first=first, cursor=after
        )


async def list_errors(
    info: Info, import_id: ImportId, first: First, after: After = None
) -> Page[StockImportRow]:
    actor, key = info.context.actor, parse_id(StockImport, import_id, "importId")
    async with info.context.read() as session:
        return await stock_imports.list_errors(
            session, actor=actor, import_id=key, first=first, cursor=after
        )


async def list_uploads(info: Info) -> list[StockImportFile]:
    async with info.context.read() as session:
        return list(await stock_imports.list_uploads(session, actor=info.context.actor))


async def start(info: Info, input: StockImportStartInput) -> StockImportOutcome:
    async def company(session: AsyncSession) -> UUID:
        return await widen_scope(session, _importable_company(info, input.company_id))

    return await run_mutation(
        info,
        StockImportOutcome,
        lambda session: stock_imports.start(session, **_start_args(info, input)),
        input=input,
        company_id=company,
    )


def _importable_company(info: Info, id: strawberry.ID) -> UUID:
    """The company, if the actor may import into any of its stores."""
    key = parse_id(Company, id, "companyId")
    if stock_imports.importable_stores(info.context.actor, key) == []:
        raise not_found(Company, "companyId")
    return key


def _start_args(info: Info, input: StockImportStartInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "company_id": parse_id(Company, input.company_id, "companyId"),
        "upload_id": parse_id(StockImportFile, input.stock_import_file_id, "stockImportFileId"),
        "options": stock_imports.ImportOptions(
            input.format, input.mode, input.error_policy, input.as_of
        ),
    }


def error_file_url(parent: strawberry.Parent[StockImport], info: Info) -> str | None:
    """The path from which the invalid rows can be downloaded with the same access token."""
    if not parent.failed_row_count:
        return None
    return f"/imports/{encode_id(StockImport, parent.id)}/errors.csv"
