"""When the quantities of an imported file were true, so that later sales are kept.

Revision ID: 0038
Revises: 0037
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.add_column(
        "stock_import",
        sa.Column(
            "as_of", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
    )
    op.execute("alter table stock_import no force row level security")
    op.execute("update stock_import set as_of = started_at")
    op.execute("alter table stock_import force row level security")


def downgrade() -> None:
    op.drop_column("stock_import", "as_of")
