"""A person may ride for several companies: a row of rider for each.

Revision ID: 0042
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.drop_constraint("uq_rider_person_id", "rider", type_="unique")
    op.create_index("uq_rider_person_company", "rider", ["person_id", "company_id"], unique=True)
    online = sa.text("status = 'ONLINE'")
    op.create_index("uq_rider_online", "rider", ["person_id"], unique=True, postgresql_where=online)
    op.add_column("rider", sa.Column("last_shift_at", sa.DateTime(timezone=True)))
    # Roles that were given while a person could ride for one company only.
    for table in ("rider", "membership"):
        op.execute(f"alter table {table} no force row level security")
    op.execute("update rider set last_shift_at = online_since")
    op.execute(
        "insert into rider (id, person_id, company_id, vehicle, status, version)"
        " select gen_random_uuid(), m.person_id, m.company_id, 'SCOOTER', 'OFFLINE', 1"
        " from membership m where m.role = 'RIDER' and m.revoked_at is null"
        " and m.company_id is not null on conflict do nothing"
    )
    for table in ("rider", "membership"):
        op.execute(f"alter table {table} force row level security")


def downgrade() -> None:
    op.execute("alter table rider no force row level security")
    several = "select from rider group by person_id having count(*) > 1"
    count = op.get_bind().scalar(sa.text(f"select count(*) from ({several}) as several"))
    if count:
        raise CommandError(
            f"0042 can't be undone: {count} people ride for several companies. Delete all but one"
            " row of rider for each of them first."
        )
    op.execute("alter table rider force row level security")
    op.drop_column("rider", "last_shift_at")
    op.drop_index("uq_rider_online", "rider")
    op.drop_index("uq_rider_person_company", "rider")
    op.create_unique_constraint("uq_rider_person_id", "rider", ["person_id"])
