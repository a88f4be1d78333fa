"""Locks rows that a company's admins change."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.companies import Company
from models.identity import Actor
from services.core.access import COMPANY_ROLES
from services.core.problems import not_found


async def lock_product(session: AsyncSession, actor: Actor, product_id: UUID) -> Product:
    """Lock a product for its company's admins. Raises DomainError: NotFound."""
    product = await session.scalar(
        select(Product)
        .where(Product.id == product_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if product is None or not actor.has_company_role(product.company_id, COMPANY_ROLES):
        raise not_found(Product, "productId")
    return product


async def lock_company(session: AsyncSession, actor: Actor, company_id: UUID) -> Company:
    """Lock a company for its admins. Raises DomainError: NotFound."""
    company = await session.scalar(
        select(Company)
        .where(Company.id == company_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if company is None or not actor.has_company_role(company.id, COMPANY_ROLES):
        raise not_found(Company, "companyId")
    return company
