"""The category tree as one store fills it: branches without a product are left out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from orjson import loads
from sqlalchemy import Text, Uuid, bindparam, cast, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from models.catalog import Category, Listing, Product
from models.stores import Store

TREE_DEPTH = 5
TOLD = cast(Category.translations, Text)
# A few branches, each by its slug or its key, with the keys of all that is below: a shop's whole
# tree is counted only for those who want to see it.
BRANCHES = kept(
    text(
        """
        with recursive root as (
            select asked.nth, s.id as store_id, c.*
            from unnest(:stores, :slugs, :keys) with ordinality as asked (store, slug, key, nth)
            join store s on s.id = asked.store
            cross join lateral (
                select id, parent_id, slug, name, translations from category
                where company_id = s.company_id and slug = asked.slug
                union all
                select id, parent_id, slug, name, translations from category
                where company_id = s.company_id and id = asked.key
                limit 1
            ) c
        ), below (nth, id) as (
            select nth, id from root
            union all
            select below.nth, c.id from below join category c on c.parent_id = below.id
        ), family as (
            select nth, array_agg(id) as keys from below group by nth
        )
        select root.nth, root.id, root.store_id, root.parent_id, root.slug, root.name,
            root.translations::text, family.keys
        from root join family on family.nth = root.nth
        where exists (
            select from listing l join product p on p.id = l.product_id
            where l.store_id = root.store_id and l.category_id = any(family.keys) and p.active
        )
        """
    ).bindparams(
        bindparam("stores", type_=ARRAY(Uuid)),
        bindparam("slugs", type_=ARRAY(Text)),
        bindparam("keys", type_=ARRAY(Uuid)),
    )
)


class Shelf(NamedTuple):
    """A category in one store (or in none); a product's own knows no children and no count."""

    id: UUID
    store_id: UUID | None
    parent_id: UUID | None
    slug: str
    name: str
    told: str
    product_count: int | None = None
    children: "tuple[Shelf, ...] | None" = None
    branch: tuple[UUID, ...] | None = None
    """Its key and those of all below it, where these were read without their rows."""

    @property
    def translations(self) -> dict[str, Any]:
        """Its texts in other languages."""
        told: dict[str, Any] = loads(self.told)
        return told

    def family(self) -> tuple[UUID, ...]:
        """This category and all below it."""
        if self.branch is not None:
            return self.branch
        below = (key for child in self.children or () for key in child.family())
        return (self.id, *below)

    def cut(self, depth: int) -> "Shelf":
        """The same with at most `depth` levels below it."""
        kept = self.children or () if depth else ()
        return self._replace(children=tuple(child.cut(depth - 1) for child in kept))


@dataclass(frozen=True, slots=True)
class Asked:
    """A category in a store, by its slug or by its key."""

    store_id: UUID
    slug: str | None = None
    key: UUID | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """All categories in which a store lists something."""

    top: list[Shelf] = field(default_factory=list)
    by_id: dict[UUID, Shelf] = field(default_factory=dict)
    by_slug: dict[str, Shelf] = field(default_factory=dict)


async def trees(session: AsyncSession, store_ids: Sequence[UUID]) -> list[Tree]:
    """Each store's tree, read in one statement for all of them."""
    counted = (
        select(Listing.store_id, Listing.category_id, func.count().label("products"))
        .join(Product, Product.id == Listing.product_id)
        .where(Listing.store_id.in_(store_ids), Product.active)
        .group_by(Listing.store_id, Listing.category_id)
        .subquery()
    )
    columns = (Category.id, Category.parent_id, Category.slug, Category.name, TOLD)
    rows = await session.execute(
        select(Store.id, func.coalesce(counted.c.products, 0), *columns)
        .join(Category, Category.company_id == Store.company_id)
        .outerjoin(
            counted, (counted.c.category_id == Category.id) & (counted.c.store_id == Store.id)
        )
        .where(Store.id.in_(store_ids))
        .order_by(Category.depth.desc(), Category.position, Category.name, Category.id)
    )
    found: dict[UUID, list[Any]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return [_tree(found.get(store_id, [])) for store_id in store_ids]


async def branches(session: AsyncSession, asked: Sequence[Asked]) -> list[Shelf | None]:
    """The categories asked for and the keys below them; None where the store lists nothing."""
    rows = await session.execute(
        BRANCHES,
        {
            "stores": [one.store_id for one in asked],
            "slugs": [one.slug if one.slug and one.slug.isprintable() else None for one in asked],
            "keys": [one.key for one in asked],
        },
    )
    found = {row[0]: Shelf(*row[1:7])._replace(branch=tuple(row[7])) for row in rows}
    return [found.get(nth) for nth in range(1, len(asked) + 1)]


async def plain(session: AsyncSession, category_ids: Sequence[UUID]) -> list[Shelf | None]:
    """Categories by key where no store is in question; None for what there is not."""
    columns = (Category.id, Category.parent_id, Category.slug, Category.name, TOLD)
    rows = await session.execute(select(*columns).where(Category.id.in_(category_ids)))
    found = {row[0]: Shelf(row[0], None, *row[1:]) for row in rows}
    return [found.get(key) for key in category_ids]


def _tree(rows: Sequence[Any]) -> Tree:
    """Rows come deepest first, so that every branch is complete before its parent takes it up."""
    tree = Tree()
    below: dict[UUID | None, list[Shelf]] = {}
    for store_id, own, key, parent_id, slug, name, told in rows:
        children = tuple(below.pop(key, ()))
        products = own + sum(child.product_count or 0 for child in children)
        if not products:
            continue
        shelf = Shelf(key, store_id, parent_id, slug, name, told, products, children)
        below.setdefault(parent_id, []).append(shelf)
        tree.by_id[key] = tree.by_slug[slug] = shelf
    tree.top.extend(below.get(None, ()))
    return tree
