from typing import Annotated
from uuid import UUID

import strawberry

from dataloaders import catalog as load
from dataloaders import catalog as load_catalog
from dataloaders import stores as load_stores
from models.catalog import Category, Product, ProductSort
from models.companies import Company
from resolvers.context import Info
from resolvers.shared_inputs import GeoPointInput
from services.catalog import products, storefronts
from services.catalog.categories import TREE_DEPTH, Asked, Shelf, Tree
from services.catalog.listed_products import Offer
from services.catalog.storefronts import Storefront
from services.core.pages import Page
from services.core.problems import InvalidInput, Refused, key_if_given, key_of, not_found
from services.stores import coverage

At = Annotated[GeoPointInput, strawberry.argument(description="Where to deliver.")]
CompanyId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only this company's stores.")
]
First = Annotated[int, strawberry.argument(description="How many at most, from 1 to 100.")]
After = Annotated[
    str | None, strawberry.argument(description="The end cursor of the page before this one.")
]
Sort = Annotated[ProductSort, strawberry.argument(description="The order of the products.")]
CategoryId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only this category and those below.")
]
Depth = Annotated[int, strawberry.argument(description="Levels of the tree, from 1 to 5.")]
ById = Annotated[strawberry.ID | None, strawberry.argument(description="The category's id.")]
BySlug = Annotated[str | None, strawberry.argument(description="The category's slug.")]
ProductId = Annotated[strawberry.ID, strawberry.argument(description="The product's id.")]
Words = Annotated[
    str, strawberry.argument(description="Words in any language, at most 100 characters.")
]


async def storefront(info: Info, at: At, company_id: CompanyId = None) -> Storefront:
    point = at.point("at")
    company = key_if_given(Company, company_id, "companyId")
    asked = coverage.Asked(point, company, most=1)
    return storefronts.storefront(
        await info.context.loaders.load(load_stores.coverage_as_asked, asked)
    )


async def categories(
    parent: strawberry.Parent[Storefront], info: Info, depth: Depth = TREE_DEPTH
) -> list[Shelf]:
    if not 1 <= depth <= TREE_DEPTH:
        said = f"depth is from 1 to {TREE_DEPTH}."
        raise Refused(InvalidInput(path=["depth"], message=said))
    if parent.store_id is None:
        return []
    return [shelf.cut(depth - 1) for shelf in (await tree(info, parent.store_id)).top]


async def category(
    parent: strawberry.Parent[Storefront], info: Info, id: ById = None, slug: BySlug = None
) -> Shelf | None:
    if (id is None) == (slug is None):
        raise Refused(InvalidInput(path=["slug"], message="Say either the id or the slug."))
    if parent.store_id is None:
        return None
    asked = Asked(parent.store_id, slug, None if id is None else key_of(Category, id))
    shelf = await info.context.loaders.load(load_catalog.branch_as_asked, asked)
    if shelf is None:
        raise not_found(Category, "category")
    return shelf


async def product(parent: strawberry.Parent[Storefront], info: Info, id: ProductId) -> Offer | None:
    key = key_of(Product, id, "id")
    if parent.store_id is None:
        return None
    offer = await info.context.loaders.load(load.offer_by_store_and_product, (parent.store_id, key))
    if offer is None:
        raise not_found(Product, "id")
    return offer


async def listed(
    parent: strawberry.Parent[Storefront],
    info: Info,
    first: First,
    after: After = None,
    category_id: CategoryId = None,
    sort: Sort = ProductSort.CATALOG,
) -> Page[Offer] | None:
    if parent.store_id is None:
        return None
    within = await family(info, parent.store_id, category_id)
    wanted = products.listed(parent.store_id, first, after, sort, within)
    return await info.context.loaders.load(load.page_of_offers, wanted)


async def searched(
    parent: strawberry.Parent[Storefront],
    info: Info,
    query: Words,
    first: First,
    after: After = None,
) -> Page[Offer] | None:
    if parent.store_id is None:
        return None
    wanted = products.searched(parent.store_id, first, after, query)
    return await info.context.loaders.load(load.page_of_offers, wanted)


async def shelved(
    parent: strawberry.Parent[Shelf],
    info: Info,
    first: First,
    after: After = None,
    sort: Sort = ProductSort.CATALOG,
) -> Page[Offer] | None:
    if parent.store_id is None:
        return None
    within = (parent if parent.branch else await whole(info, parent)).family()
    wanted = products.listed(parent.store_id, first, after, sort, within)
    return await info.context.loaders.load(load.page_of_offers, wanted)


async def below(parent: strawberry.Parent[Shelf], info: Info) -> list[Shelf]:
    shelf = parent if parent.children is not None else await whole(info, parent)
    return list(shelf.children or ())


async def counted(parent: strawberry.Parent[Shelf], info: Info) -> int | None:
    shelf = parent if parent.product_count is not None else await whole(info, parent)
    return shelf.product_count


async def tree(info: Info, store_id: UUID) -> Tree:
    return await info.context.loaders.load(load_catalog.tree_by_store, store_id)


async def whole(info: Info, shelf: Shelf) -> Shelf:
    """The shelf with its count and all that is below it."""
    if shelf.store_id is None:
        return shelf
    return (await tree(info, shelf.store_id)).by_id.get(shelf.id, shelf)


async def family(
    info: Info, store_id: UUID, category_id: strawberry.ID | None
) -> tuple[UUID, ...] | None:
    """The keys of a category and those below it; None for all."""
    if category_id is None:
        return None
    asked = Asked(store_id, key=key_of(Category, category_id, "categoryId"))
    shelf = await info.context.loaders.load(load_catalog.branch_as_asked, asked)
    if shelf is None:
        raise not_found(Category, "categoryId")
    return shelf.family()
