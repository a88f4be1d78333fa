"""The category tree of a store; categories without a listed product are left out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from orjson import loads
from sqlalchemy import Text, Uuid, bindparam, cast, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.catalog import Category, Listing, Product
from models.stores import Store

MAX_TREE_DEPTH = 5
TRANSLATIONS_JSON = cast(Category.translations, Text)
# Single categories by slug or key, with the ids of their subtrees. Counting the products of the
# whole tree is expensive and done only for requests that show it.
CATEGORIES_BY_LOOKUP = prepared(
    text(
        """
        with recursive root as (
            select request.nth, s.id as store_id, c.*
            from unnest(:stores, :slugs, :keys) with ordinality as request (store, slug, key, nth)
            join store s on s.id = request.store
            cross join lateral (
                select id, parent_id, slug, name, translations from category
                where company_id = s.company_id and slug = request.slug
                union all
                select id, parent_id, slug, name, translations from category
                where company_id = s.company_id and id = request.key
                limit 1
            ) c
        ), descendant (nth, id) as (
            select nth, id from root
            union all
            select descendant.nth, c.id
            from descendant join category c on c.parent_id = descendant.id
        ), subtree as (
            select nth, array_agg(id) as ids from descendant group by nth
        )
        select root.nth, root.id, root.store_id, root.parent_id, root.slug, root.name,
            root.translations::text, subtree.ids
        from root join subtree on subtree.nth = root.nth
        where exists (
            select from listing l join product p on p.id = l.product_id
            where l.store_id = root.store_id and l.category_id = any(subtree.ids) and p.active
        )
        """
    ).bindparams(
        bindparam("stores", type_=ARRAY(Uuid)),
        bindparam("slugs", type_=ARRAY(Text)),
        bindparam("keys", type_=ARRAY(Uuid)),
    )
)


class StoreCategory(NamedTuple):
    """A category in one store, or in none; that of a product has no children and no count."""

    id: UUID
    store_id: UUID | None
    parent_id: UUID | None
    slug: str
    name: str
    translations_json: str
    product_count: int | None = None
    children: "tuple[StoreCategory, ...] | None" = None
    subtree_ids: tuple[UUID, ...] | None = None
    """The ids of the category and its descendants, if they were read without the child rows."""

    @property
    def translations(self) -> dict[str, Any]:
        """The texts in other languages."""
        translations: dict[str, Any] = loads(self.translations_json)
        return translations

    def subtree(self) -> tuple[UUID, ...]:
        """Return the ids of this category and its descendants."""
        if self.subtree_ids is not None:
            return self.subtree_ids
        descendants = (key for child in self.children or () for key in child.subtree())
        return (self.id, *descendants)

    def limit_depth(self, depth: int) -> "StoreCategory":
        """Return a copy with at most `depth` levels of children."""
        children = self.children or () if depth else ()
        return self._replace(children=tuple(child.limit_depth(depth - 1) for child in children))


@dataclass(frozen=True, slots=True)
class CategoryLookup:
    """A lookup of a category in a store, by slug or by key."""

    store_id: UUID
    slug: str | None = None
    key: UUID | None = None


@dataclass(frozen=True, slots=True)
class CategoryTree:
    """All categories in which a store lists a product."""

    roots: list[StoreCategory] = field(default_factory=list)
    by_id: dict[UUID, StoreCategory] = field(default_factory=dict)
    by_slug: dict[str, StoreCategory] = field(default_factory=dict)


async def load_trees(session: AsyncSession, store_ids: Sequence[UUID]) -> list[CategoryTree]:
    """Load each store's tree, with one statement for all stores."""
    product_counts = (
        select(Listing.store_id, Listing.category_id, func.count().label("products"))
        .join(Product, Product.id == Listing.product_id)
        .where(Listing.store_id.in_(store_ids), Product.active)
        .group_by(Listing.store_id, Listing.category_id)
        .subquery()
    )
    columns = (Category.id, Category.parent_id, Category.slug, Category.name, TRANSLATIONS_JSON)
    rows = await session.execute(
        select(Store.id, func.coalesce(product_counts.c.products, 0), *columns)
        .join(Category, Category.company_id == Store.company_id)
        .outerjoin(
            product_counts,
            (product_counts.c.category_id == Category.id) & (product_counts.c.store_id == Store.id),
        )
        .where(Store.id.in_(store_ids))
        .order_by(Category.depth.desc(), Category.position, Category.name, Category.id)
    )
    rows_by_store: dict[UUID, list[Any]] = {}
    for row in rows:
        rows_by_store.setdefault(row[0], []).append(row)
    return [_tree(rows_by_store.get(store_id, [])) for store_id in store_ids]


async def load_branches(
    session: AsyncSession, lookups: Sequence[CategoryLookup]
) -> list[StoreCategory | None]:
    """Load each category with the ids of its subtree; None where the store lists nothing."""
    rows = await session.execute(
        CATEGORIES_BY_LOOKUP,
        {
            "stores": [lookup.store_id for lookup in lookups],
            "slugs": [
                lookup.slug if lookup.slug and lookup.slug.isprintable() else None
                for lookup in lookups
            ],
            "keys": [lookup.key for lookup in lookups],
        },
    )
    by_nth = {row[0]: StoreCategory(*row[1:7])._replace(subtree_ids=tuple(row[7])) for row in rows}
    return [by_nth.get(nth) for nth in range(1, len(lookups) + 1)]


async def load_categories(
    session: AsyncSession, category_ids: Sequence[UUID]
) -> list[StoreCategory | None]:
    """Load categories by key outside any store; None for a missing one."""
    columns = (Category.id, Category.parent_id, Category.slug, Category.name, TRANSLATIONS_JSON)
    rows = await session.execute(select(*columns).where(Category.id.in_(category_ids)))
    by_id = {row[0]: StoreCategory(row[0], None, *row[1:]) for row in rows}
    return [by_id.get(key) for key in category_ids]


def _tree(rows: Sequence[Any]) -> CategoryTree:
    """Build the tree; rows come deepest first, so that children are complete before parents."""
    tree = CategoryTree()
    by_parent: dict[UUID | None, list[StoreCategory]] = {}
    for store_id, own_count, key, parent_id, slug, name, translations in rows:
        children = tuple(by_parent.pop(key, ()))
        count = own_count + sum(child.product_count or 0 for child in children)
        if not count:
            continue
        category = StoreCategory(
            key, store_id, parent_id, slug, name, translations, count, children
        )
        by_parent.setdefault(parent_id, []).append(category)
        tree.by_id[key] = tree.by_slug[slug] = category
    tree.roots.extend(by_parent.get(None, ()))
    return tree
