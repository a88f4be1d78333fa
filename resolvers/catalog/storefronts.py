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
from services.catalog.categories import MAX_TREE_DEPTH, CategoryLookup, CategoryTree, StoreCategory
from services.catalog.listed_products import ListedProduct
from services.catalog.storefronts import Storefront
from services.core.pages import Page
from services.core.problems import DomainError, InvalidInput, not_found, parse_id, parse_optional_id
from services.stores import coverage

At = Annotated[GeoPointInput, strawberry.argument(description="The delivery location.")]
CompanyId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only this company's stores.")
]
First = Annotated[int, strawberry.argument(description="Maximum number of rows, from 1 to 100.")]
After = Annotated[
    str | None, strawberry.argument(description="The endCursor of the previous page.")
]
Sort = Annotated[ProductSort, strawberry.argument(description="The order of the products.")]
CategoryId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Only this category and its subcategories."),
]
Depth = Annotated[int, strawberry.argument(description="Number of levels, from 1 to 5.")]
ById = Annotated[strawberry.ID | None, strawberry.argument(description="The category's id.")]
BySlug = Annotated[str | None, strawberry.argument(description="The category's slug.")]
ProductId = Annotated[strawberry.ID, strawberry.argument(description="The product's id.")]
Words = Annotated[
    str, strawberry.argument(description="Words in any language, at most 100 characters.")
]


async def storefront(info: Info, location: At, company_id: CompanyId = None) -> Storefront:
    point = location.to_point("location")
    company = parse_optional_id(Company, company_id, "companyId")
    query = coverage.CoverageQuery(point, company, limit=1)
    found = await info.context.loaders.load(load_stores.coverage_by_query, query)
    if not found.has_company:
        raise not_found(Company, "companyId")
    return storefronts.build_storefront(found)


async def categories(
    parent: strawberry.Parent[Storefront], info: Info, depth: Depth = MAX_TREE_DEPTH
) -> list[StoreCategory]:
    if not 1 <= depth <= MAX_TREE_DEPTH:
        message = f"depth is from 1 to {MAX_TREE_DEPTH}."
        raise DomainError(InvalidInput(path=["depth"], message=message))
    if parent.store_id is None:
        return []
    roots = (await category_tree(info, parent.store_id)).roots
    return [root.limit_depth(depth - 1) for root in roots]


async def category(
    parent: strawberry.Parent[Storefront], info: Info, id: ById = None, slug: BySlug = None
) -> StoreCategory | None:
    if (id is None) == (slug is None):
        raise DomainError(InvalidInput(path=["slug"], message="Say either the id or the slug."))
    if parent.store_id is None:
        return None
    lookup = CategoryLookup(parent.store_id, slug, None if id is None else parse_id(Category, id))
    found = await info.context.loaders.load(load_catalog.category_by_lookup, lookup)
    if found is None:
        raise not_found(Category, "category")
    return found


async def product(
    parent: strawberry.Parent[Storefront], info: Info, id: ProductId
) -> ListedProduct | None:
    key = parse_id(Product, id, "id")
    if parent.store_id is None:
        return None
    listed_product = await info.context.loaders.load(
        load.product_by_store_and_id, (parent.store_id, key)
    )
    if listed_product is None:
        raise not_found(Product, "id")
    return listed_product


async def products_page(
    parent: strawberry.Parent[Storefront],
    info: Info,
    first: First,
    after: After = None,
    category_id: CategoryId = None,
    sort: Sort = ProductSort.CATALOG,
) -> Page[ListedProduct] | None:
    if parent.store_id is None:
        return None
    within = await category_subtree(info, parent.store_id, category_id)
    request = products.product_page_request(parent.store_id, first, after, sort, within)
    return await info.context.loaders.load(load.product_page_by_request, request)


async def search_page(
    parent: strawberry.Parent[Storefront],
    info: Info,
    query: Words,
    first: First,
    after: After = None,
) -> Page[ListedProduct] | None:
    if parent.store_id is None:
        return None
    request = products.search_page_request(parent.store_id, first, after, query)
    return await info.context.loaders.load(load.product_page_by_request, request)


async def category_products(
    parent: strawberry.Parent[StoreCategory],
    info: Info,
    first: First,
    after: After = None,
    sort: Sort = ProductSort.CATALOG,
) -> Page[ListedProduct] | None:
    if parent.store_id is None:
        return None
    within = (parent if parent.subtree_ids else await full_category(info, parent)).subtree()
    request = products.product_page_request(parent.store_id, first, after, sort, within)
    return await info.context.loaders.load(load.product_page_by_request, request)


async def category_children(
    parent: strawberry.Parent[StoreCategory], info: Info
) -> list[StoreCategory]:
    full = parent if parent.children is not None else await full_category(info, parent)
    return list(full.children or ())


async def category_product_count(
    parent: strawberry.Parent[StoreCategory], info: Info
) -> int | None:
    full = parent if parent.product_count is not None else await full_category(info, parent)
    return full.product_count


async def category_tree(info: Info, store_id: UUID) -> CategoryTree:
    return await info.context.loaders.load(load_catalog.tree_by_store, store_id)


async def full_category(info: Info, category: StoreCategory) -> StoreCategory:
    """Return the category with its product count and children."""
    if category.store_id is None:
        return category
    return (await category_tree(info, category.store_id)).by_id.get(category.id, category)


async def category_subtree(
    info: Info, store_id: UUID, category_id: strawberry.ID | None
) -> tuple[UUID, ...] | None:
    """Return the ids of a category and its descendants; None without a category."""
    if category_id is None:
        return None
    lookup = CategoryLookup(store_id, key=parse_id(Category, category_id, "categoryId"))
    found = await info.context.loaders.load(load_catalog.category_by_lookup, lookup)
    if found is None:
        raise not_found(Category, "categoryId")
    return found.subtree()
