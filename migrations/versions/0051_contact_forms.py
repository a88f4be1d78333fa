"""Phones and e-mail addresses in their one form; who exists twice is merged by a command.

`python -m server contacts` merges the accounts whose contacts are the same now, and lists those
that somebody must decide about. Here only forms that nobody else has are rewritten.

Revision ID: 0051
Revises: 0050
"""

from collections.abc import Callable
from functools import partial

import sqlalchemy as sa
from alembic import op

from services.core.contacts.email_addresses import read_email
from services.core.contacts.phone_numbers import parse_phone
from services.core.problems import DomainError

revision = "0051"
down_revision = "0050"
ROWS = 1_000
UPDATES = {
    "person": "update person set {0} = :form where id = :id"
    " and not exists (select from person as other where other.{0} = :form)",
    "supplier": "update supplier set {0} = :form where id = :id",
    # An equal invitation may be pending already; the older form then ends in a week by itself.
    "invitation": "update invitation set {0} = :form where id = :id and not exists"
    " (select from invitation as other where other.{0} = :form and other.status = 'PENDING')",
}
CHOSEN = {"invitation": "status = 'PENDING'"}


def upgrade() -> None:
    for table in UPDATES:
        # The owner would otherwise be held to the policies, which show no row without a scope.
        op.execute(f"alter table {table} no force row level security")
        texts = table != "supplier"
        _rewrite(table, "phone", partial(_phone, for_texts=texts))
        _rewrite(table, "email", read_email)
        op.execute(f"alter table {table} force row level security")


def downgrade() -> None:
    """The forms of before are not known any more, and the ones of now fit."""


def _rewrite(table: str, column: str, form_of: Callable[[str], str | None]) -> None:
    connection = op.get_bind()
    page = sa.text(
        f"select id, {column} as value from {table}"
        f" where {column} <> '' and {CHOSEN.get(table, 'true')}"
        " and (cast(:after as uuid) is null or id > :after) order by id limit :rows"
    )
    change = sa.text(UPDATES[table].format(column))
    after = None
    while rows := connection.execute(page, {"after": after, "rows": ROWS}).all():
        for key, value in rows:
            form = form_of(value)
            if form is not None and form != value:
                connection.execute(change, {"id": key, "form": form})
        after = rows[-1].id


def _phone(text: str, for_texts: bool) -> str | None:
    try:
        return parse_phone(text, for_texts=for_texts)
    except DomainError:
        return None
