"""What each purpose allows: who sends and sees a file, its types, its size, how long it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.files import File, FilePurpose
from models.identity import Actor, Role
from services.core.access import COMPANY_ROLES, MANAGER_ROLES, STORE_ROLES, SUPPORT_ROLES

MEBIBYTE = 1024 * 1024
IMAGES = ("image/jpeg", "image/png", "image/webp")
DOCUMENTS = ("application/pdf",)


@dataclass(frozen=True, slots=True)
class PurposeRules:
    """The rules of one purpose. Without `senders` a file belongs to its owner and no company."""

    content_types: tuple[str, ...]
    max_size_bytes: int
    kept_days: int
    senders: frozenset[Role] = frozenset()
    readers: frozenset[Role] = frozenset()

    @property
    def is_of_company(self) -> bool:
        """Whether files belong to a company; otherwise to their owner."""
        return bool(self.senders)


RULES: Mapping[FilePurpose, PurposeRules] = {
    FilePurpose.PRODUCT_IMAGE: PurposeRules(
        IMAGES, 10 * MEBIBYTE, 400, senders=MANAGER_ROLES, readers=STORE_ROLES
    ),
    FilePurpose.COMPANY_DOCUMENT: PurposeRules(
        DOCUMENTS, 20 * MEBIBYTE, 3_650, senders=COMPANY_ROLES, readers=COMPANY_ROLES
    ),
    FilePurpose.TICKET_PHOTO: PurposeRules(IMAGES, 10 * MEBIBYTE, 400, readers=SUPPORT_ROLES),
}


def may_see(row: File, actor: Actor) -> bool:
    """Whether the actor may see a file: with a role in its company, or as owner or support.

    Who has lost the role in the company does not see what they have sent for it.
    """
    if not actor.signed_in or actor.app_id is not None:
        return False
    rules = RULES[row.purpose]
    if row.company_id is None:
        is_support = any(g.role in rules.readers and g.company_id is None for g in actor.grants)
        return row.owner_id == actor.person_id or is_support
    return any(
        grant.role in rules.readers and grant.company_id in (None, row.company_id)
        for grant in actor.grants
    )


def may_complete(row: File, actor: Actor) -> bool:
    """Whether the actor may go on with an upload: its owner, while they may still send such."""
    if row.owner_id != actor.person_id or not actor.signed_in:
        return False
    rules = RULES[row.purpose]
    return row.company_id is None or any(
        grant.role in rules.senders and grant.company_id in (None, row.company_id)
        for grant in actor.grants
    )
