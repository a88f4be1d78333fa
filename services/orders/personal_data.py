"""Who may see for whom an order is."""

from typing import Any

from models.identity import Actor
from models.orders import OrderStatus
from services.core import access


def may_see_recipient(order: Any, actor: Actor) -> bool:
    """Whether `actor` may see name, address, note and place of an order: staff once it is paid."""
    is_open = order.status is OrderStatus.CONFIRMED
    return access.may_see_recipient(order, actor, is_open, order.completed_at or order.canceled_at)
