"""A company's stock over all its stores."""

from typing import Annotated

import strawberry

from models.companies import Company
from resolvers.context import Info
from services.core.pages import Page
from services.core.problems import parse_optional_id
from services.stock import company_stock
from services.stock.company_stock import CompanyStockLevel

CompanyId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The company; super admins may leave it out."),
]
Search = Annotated[
    str,
    strawberry.argument(
        description="Words of a product's name, the last one may be cut, or its complete code or"
        " barcode."
    ),
]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


async def list_of_company(
    info: Info,
    first: First,
    after: After = None,
    company_id: CompanyId = None,
    search: Search = "",
) -> Page[CompanyStockLevel]:
    actor, company = info.context.actor, parse_optional_id(Company, company_id, "companyId")
    async with info.context.read() as session:
        return await company_stock.list_of_company(
            session, actor=actor, company_id=company, search=search, first=first, cursor=after
        )
