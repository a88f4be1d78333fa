"""Simplify delivery zones of more than 128 points.

Each gets the smallest tolerance that is enough, from 1 m on. One that has more points even at 50 m
is simplified further: it would slow down every storefront around it.

Revision ID: 0049
Revises: 0048
"""

from alembic import op

revision = "0049"
down_revision = "0048"

SIMPLIFY = """
    update store_zone z set area = geography(simpler.shape)
    from store_zone old, lateral (
        select st_multi(st_simplifypreservetopology(geometry(old.area), metres / 111195.0)) as shape
        from unnest(array[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]) as metres
        where st_npoints(st_simplifypreservetopology(geometry(old.area), metres / 111195.0)) <= 128
        order by metres limit 1
    ) simpler
    where old.store_id = z.store_id and st_npoints(geometry(old.area)) > 128
"""


def upgrade() -> None:
    op.execute("alter table store_zone no force row level security")
    op.execute(SIMPLIFY)
    op.execute("alter table store_zone force row level security")


def downgrade() -> None:
    """The points that were left out are not needed."""
