from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Keyed, refers


class Brand(Keyed):
    """A maker's name as a company's catalog carries it."""

    __tablename__ = "brand"
    __table_args__ = (UniqueConstraint("company_id", "slug"),)

    company_id: Mapped[UUID] = refers("company.id")
    slug: Mapped[str]
    name: Mapped[str]
    translations: Mapped[dict[str, Any]] = mapped_column(default=dict)
