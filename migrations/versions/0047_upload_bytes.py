"""Keep how an uploaded file begins as bytes: its encoding is told from them.

Revision ID: 0047
Revises: 0046
"""

from alembic import op

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    op.execute(
        "alter table stock_upload alter column head type bytea using convert_to(head, 'UTF8')"
    )


def downgrade() -> None:
    # Bytes of other encodings are no text: files that wait have to be sent again.
    op.execute("alter table stock_upload alter column head type text using null")
