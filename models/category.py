from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Keyed, refers


class Category(Keyed):
    """A node of a company's category tree (depth 0 = top)."""

    __tablename__ = "category"
    __table_args__ = (UniqueConstraint("company_id", "slug"),)

    company_id: Mapped[UUID] = refers("company.id")
    parent_id: Mapped[UUID | None] = refers("category.id", nullable=True, index=True)
    slug: Mapped[str]
    name: Mapped[str]
    translations: Mapped[dict[str, Any]] = mapped_column(default=dict)
    depth: Mapped[int] = mapped_column(default=0)
    position: Mapped[int] = mapped_column(default=0)
