"""The form of a UPC-E by which files of stock find its product.

Revision ID: 0065
Revises: 0064
"""

from alembic import op

revision = "0065"
down_revision = "0064"

# 6 digits are a UPC-E of number system 0 without its check digit. A file may have it in each row, so
# the check digit is computed without a subquery.
UPC_E = """
create function upc_e_product_code(code text) returns text
    language plpgsql immutable strict parallel safe as $$
declare
    seven text;
    eleven text;
    digit text;
begin
    if code !~ '^([0-9]{6}|[01][0-9]{7})$' then
        return null;
    end if;
    seven := case length(code) when 6 then '0' || code else left(code, 7) end;
    eleven := case
        when seven like '%3' then left(seven, 4) || '00000' || substr(seven, 5, 2)
        when seven like '%4' then left(seven, 5) || '00000' || substr(seven, 6, 1)
        when seven ~ '[012]$' then left(seven, 3) || right(seven, 1) || '0000' || substr(seven, 4, 3)
        else left(seven, 6) || '0000' || right(seven, 1) end;
    digit := (1000 - 3 * (substr(eleven, 1, 1)::int + substr(eleven, 3, 1)::int
        + substr(eleven, 5, 1)::int + substr(eleven, 7, 1)::int + substr(eleven, 9, 1)::int
        + substr(eleven, 11, 1)::int) - substr(eleven, 2, 1)::int - substr(eleven, 4, 1)::int
        - substr(eleven, 6, 1)::int - substr(eleven, 8, 1)::int - substr(eleven, 10, 1)::int) % 10;
    if length(code) = 8 and digit <> right(code, 1) then
        return null;
    end if;
    return '00' || eleven || digit;
end $$
"""


def upgrade() -> None:
    op.execute(UPC_E)


def downgrade() -> None:
    op.execute("drop function upc_e_product_code(text)")
