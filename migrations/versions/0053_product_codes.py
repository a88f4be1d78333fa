"""Every code of a product once in a company, in its canonical form; formats of scale labels.

Forms that name several products already name none until only one of them has it: they are printed.

Revision ID: 0053
Revises: 0052
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0053"
down_revision = "0052"

CANONICAL = """
create function canonical_product_code(code text) returns text
    language sql immutable strict parallel safe
    return case
        when code ~ '^([0-9]{8}|[0-9]{12,14})$' and (
            select sum(substr(lpad(code, 14, '0'), nth, 1)::int * case nth % 2 when 1 then 3 else 1 end)
            from generate_series(1, 14) as nth
        ) % 10 = 0 then lpad(code, 14, '0')
        else code end
"""
# The rows that the two columns of a product ask for; the own code first.
WANTED = """
select p.company_id, canonical_product_code(c.code) as value, p.id as product_id, c.kind, c.code
from {0} p cross join lateral
    (values ('CODE', p.code), ('BARCODE', p.barcode)) as c (kind, code)
where c.code <> '' and (c.kind = 'CODE'
    or canonical_product_code(p.barcode) is distinct from canonical_product_code(p.code))
"""
INSERTED = f"""
create function product_codes_inserted() returns trigger language plpgsql as $$
begin
    insert into product_code (company_id, value, product_id, kind, text) {WANTED.format("fresh")};
    return null;
end $$
"""
# A form that several products had is given to the one that is left with it.
UPDATED = f"""
create function product_codes_updated() returns trigger language plpgsql as $$
begin
    if not exists (
        select from fresh join stale on stale.id = fresh.id
        where (fresh.code, fresh.barcode) is distinct from (stale.code, stale.barcode)
    ) then
        return null;
    end if;
    delete from product_code c using fresh join stale on stale.id = fresh.id
    where c.product_id = fresh.id and c.kind <> 'MORE'
        and (fresh.code, fresh.barcode) is distinct from (stale.code, stale.barcode);
    insert into product_code (company_id, value, product_id, kind, text)
    select w.* from ({WANTED.format("fresh")}) w join stale on stale.id = w.product_id
    join fresh on fresh.id = stale.id
    where (fresh.code, fresh.barcode) is distinct from (stale.code, stale.barcode)
    on conflict (company_id, value) do update set kind = excluded.kind, text = excluded.text
    where product_code.product_id = excluded.product_id;
    if exists (
        select from ({WANTED.format("fresh")}) w join product_code c using (company_id, value)
        where c.product_id is distinct from w.product_id
            and not (c.product_id is null and exists (
                select from stale where stale.id = w.product_id
                    and w.value in (canonical_product_code(stale.code),
                        canonical_product_code(stale.barcode))))
    ) then
        raise unique_violation using message = 'another product of the company has this code',
            constraint = 'pk_product_code', table = 'product_code';
    end if;
    with left_over as (
        select c.company_id, c.value, min(p.id::text)::uuid as product_id, count(p.id) as products
        from product_code c join stale s on s.company_id = c.company_id and c.value in
            (canonical_product_code(s.code), canonical_product_code(s.barcode))
        left join product p on p.company_id = c.company_id and c.value in
            (canonical_product_code(p.code), canonical_product_code(p.barcode))
        where c.product_id is null group by c.company_id, c.value
    )
    update product_code c set product_id = l.product_id from left_over l
    where c.company_id = l.company_id and c.value = l.value and l.products = 1;
    return null;
end $$
"""
FILL = f"""
insert into product_code (company_id, value, product_id, kind, text)
select company_id, value, case when count(distinct product_id) = 1 then min(product_id::text)::uuid end,
    (array_agg(kind order by kind desc))[1], (array_agg(code order by kind desc))[1]
from ({WANTED.format("product")}) w group by company_id, value
"""
POLICY = (
    "(select app_platform()) or company_id = any ((select app_companies())::uuid[])"
)


def upgrade() -> None:
    op.add_column(
        "company",
        sa.Column("scale_label_formats", ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.create_table(
        "product_code",
        sa.Column("company_id", sa.Uuid(), primary_key=True),
        sa.Column("value", sa.Text(), primary_key=True),
        sa.Column("product_id", sa.Uuid(), sa.ForeignKey("product.id"), nullable=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_index("ix_product_code_product", "product_code", ["product_id"])
    op.execute(CANONICAL)
    op.execute("alter table product no force row level security")
    op.execute(FILL)
    op.execute("alter table product force row level security")
    _report()
    op.execute("alter table product_code enable row level security")
    op.execute("alter table product_code force row level security")
    op.execute(f"create policy scope on product_code to darkstore_app using ({POLICY})")
    op.execute("grant select, insert, update, delete on product_code to darkstore_app")
    op.execute(INSERTED)
    op.execute(UPDATED)
    op.execute(
        "create trigger product_codes_inserted after insert on product referencing new table as"
        " fresh for each statement execute function product_codes_inserted()"
    )
    op.execute(
        "create trigger product_codes_updated after update on product referencing new table as"
        " fresh old table as stale for each statement execute function product_codes_updated()"
    )


def downgrade() -> None:
    op.execute("drop trigger product_codes_inserted on product")
    op.execute("drop trigger product_codes_updated on product")
    op.execute("drop function product_codes_inserted()")
    op.execute("drop function product_codes_updated()")
    op.drop_table("product_code")
    op.execute("drop function canonical_product_code(text)")
    op.drop_column("company", "scale_label_formats")


def _report() -> None:
    query = "select company_id, value from product_code where product_id is null order by 1, 2"
    for company, value in op.get_bind().execute(sa.text(query)):
        print(f"migrate: code {value!r} of company {company} names several products")
