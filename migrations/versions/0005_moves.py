"""Goods on their way between stores, cycle counts, and files of stock.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

PLATFORM = "(select app_platform())"
TENANT = f"{PLATFORM} or company_id = any ((select app_companies())::uuid[])"
OWN = f"{PLATFORM} or person_id = (select app_person())"

POLICIES = {
    "transfer": TENANT,
    "transfer_line": TENANT,
    "transfer_lot": TENANT,
    "stock_count": TENANT,
    "stock_count_line": TENANT,
    "stock_count_entry": TENANT,
    "stock_import": TENANT,
    "stock_import_row": TENANT,
    "stock_set": TENANT,
    "stock_upload": OWN,
}
# What people counted and what a bulk set did is never rewritten.
APPEND_ONLY = ("stock_count_entry", "stock_set")


def upgrade() -> None:
    op.create_table('stock_import',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('upload_id', sa.Uuid(), nullable=False),
    sa.Column('started_by_id', sa.Uuid(), nullable=True),
    sa.Column('stores', postgresql.ARRAY(sa.Uuid()), nullable=True),
    sa.Column('file_name', sa.Text(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('format', sa.Enum('CSV', 'JSONL', name='importformat', native_enum=False, length=40), nullable=False),
    sa.Column('mode', sa.Enum('SET', 'ADD', name='importmode', native_enum=False, length=40), nullable=False),
    sa.Column('on_error', sa.Enum('ALL_OR_NOTHING', 'SKIP_BAD', name='errorpolicy', native_enum=False, length=40), nullable=False),
    sa.Column('status', sa.Enum('QUEUED', 'READING', 'CHECKING', 'APPLYING', 'COMPLETED', 'FAILED', name='importstatus', native_enum=False, length=40), nullable=False),
    sa.Column('place_bytes', sa.BigInteger(), nullable=False),
    sa.Column('place_lines', sa.Integer(), nullable=False),
    sa.Column('place_rows', sa.Integer(), nullable=False),
    sa.Column('rows_total', sa.Integer(), nullable=False),
    sa.Column('rows_done', sa.Integer(), nullable=False),
    sa.Column('rows_failed', sa.Integer(), nullable=False),
    sa.Column('failure', sa.Text(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('rows_done >= 0 and rows_failed >= 0', name=op.f('ck_stock_import_counts')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_stock_import_company_id')),
    sa.ForeignKeyConstraint(['started_by_id'], ['person.id'], name=op.f('fk_stock_import_started_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_import')),
    sa.UniqueConstraint('upload_id', name=op.f('uq_stock_import_upload_id'))
    )
    op.create_index('ix_stock_import_company', 'stock_import', ['company_id', 'id'], unique=False)
    op.create_index('ix_stock_import_live', 'stock_import', ['id'], unique=False, postgresql_where=sa.text("status not in ('COMPLETED','FAILED')"))
    op.create_table('stock_upload',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('head', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_stock_upload_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_upload'))
    )
    op.create_index('ix_stock_upload_person', 'stock_upload', ['person_id', 'created_at'], unique=False)
    op.create_table('stock_count',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('status', sa.Enum('COUNTING', 'SUBMITTED', 'APPROVED', 'CANCELED', name='stockcountstatus', native_enum=False, length=40), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('round', sa.Integer(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('started_by_id', sa.Uuid(), nullable=True),
    sa.Column('submitted_by_id', sa.Uuid(), nullable=True),
    sa.Column('decided_by_id', sa.Uuid(), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('submitted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_stock_count_company_id')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['person.id'], name=op.f('fk_stock_count_decided_by_id')),
    sa.ForeignKeyConstraint(['started_by_id'], ['person.id'], name=op.f('fk_stock_count_started_by_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_stock_count_store_id')),
    sa.ForeignKeyConstraint(['submitted_by_id'], ['person.id'], name=op.f('fk_stock_count_submitted_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_count'))
    )
    op.create_index('ix_stock_count_store', 'stock_count', ['store_id', 'id'], unique=False)
    op.create_table('stock_import_row',
    sa.Column('import_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('store', sa.Text(), nullable=False),
    sa.Column('product', sa.Text(), nullable=False),
    sa.Column('quantity', sa.Text(), nullable=False),
    sa.Column('units', sa.Integer(), nullable=True),
    sa.Column('store_id', sa.Uuid(), nullable=True),
    sa.Column('product_id', sa.Uuid(), nullable=True),
    sa.Column('fault', sa.Enum('MALFORMED', 'UNKNOWN_STORE', 'UNKNOWN_PRODUCT', 'INVALID_QUANTITY', 'REPEATED', 'BELOW_HELD', 'TOO_MANY', name='rowfault', native_enum=False, length=40), nullable=True),
    sa.Column('field', sa.Text(), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_stock_import_row_company_id')),
    sa.ForeignKeyConstraint(['import_id'], ['stock_import.id'], name=op.f('fk_stock_import_row_import_id')),
    sa.PrimaryKeyConstraint('import_id', 'number', name=op.f('pk_stock_import_row'))
    )
    op.create_index('ix_stock_import_row_bad', 'stock_import_row', ['import_id', 'number'], unique=False, postgresql_where=sa.text('fault is not null'))
    op.create_table('stock_set',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('on_error', sa.Enum('ALL_OR_NOTHING', 'SKIP_BAD', name='errorpolicy', native_enum=False, length=40), nullable=False),
    sa.Column('applied', sa.Integer(), nullable=False),
    sa.Column('unchanged', sa.Integer(), nullable=False),
    sa.Column('refused', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_stock_set_company_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_stock_set_store_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_set'))
    )
    op.create_table('transfer',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('source_id', sa.Uuid(), nullable=False),
    sa.Column('destination_id', sa.Uuid(), nullable=False),
    sa.Column('status', sa.Enum('REQUESTED', 'APPROVED', 'REJECTED', 'PICKING', 'SHIPPED', 'RECEIVED', 'PARTLY_RECEIVED', 'CANCELED', name='transferstatus', native_enum=False, length=40), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('decision_note', sa.Text(), nullable=False),
    sa.Column('requested_by_id', sa.Uuid(), nullable=True),
    sa.Column('decided_by_id', sa.Uuid(), nullable=True),
    sa.Column('shipped_by_id', sa.Uuid(), nullable=True),
    sa.Column('received_by_id', sa.Uuid(), nullable=True),
    sa.Column('requested_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('shipped_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('source_id <> destination_id', name=op.f('ck_transfer_two_stores')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_transfer_company_id')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['person.id'], name=op.f('fk_transfer_decided_by_id')),
    sa.ForeignKeyConstraint(['destination_id'], ['store.id'], name=op.f('fk_transfer_destination_id')),
    sa.ForeignKeyConstraint(['received_by_id'], ['person.id'], name=op.f('fk_transfer_received_by_id')),
    sa.ForeignKeyConstraint(['requested_by_id'], ['person.id'], name=op.f('fk_transfer_requested_by_id')),
    sa.ForeignKeyConstraint(['shipped_by_id'], ['person.id'], name=op.f('fk_transfer_shipped_by_id')),
    sa.ForeignKeyConstraint(['source_id'], ['store.id'], name=op.f('fk_transfer_source_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_transfer'))
    )
    op.create_index('ix_transfer_destination', 'transfer', ['destination_id', 'id'], unique=False)
    op.create_index('ix_transfer_source', 'transfer', ['source_id', 'id'], unique=False)
    op.create_table('stock_count_line',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('count_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('live', sa.Boolean(), nullable=False),
    sa.Column('counted', sa.Integer(), nullable=True),
    sa.Column('expected', sa.Integer(), nullable=True),
    sa.Column('price_minor', sa.BigInteger(), nullable=True),
    sa.Column('counted_by_id', sa.Uuid(), nullable=True),
    sa.Column('counted_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('(counted is null) = (expected is null)', name=op.f('ck_stock_count_line_expected')),
    sa.CheckConstraint('counted >= 0', name=op.f('ck_stock_count_line_counted')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_stock_count_line_company_id')),
    sa.ForeignKeyConstraint(['count_id'], ['stock_count.id'], name=op.f('fk_stock_count_line_count_id')),
    sa.ForeignKeyConstraint(['counted_by_id'], ['person.id'], name=op.f('fk_stock_count_line_counted_by_id')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_stock_count_line_product_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_stock_count_line_store_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_count_line')),
    sa.UniqueConstraint('count_id', 'product_id', name=op.f('uq_stock_count_line_count_id_product_id'))
    )
    op.create_index('uq_stock_count_line_live', 'stock_count_line', ['store_id', 'product_id'], unique=True, postgresql_where=sa.text('live'))
    op.create_table('transfer_line',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('transfer_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('requested', sa.Integer(), nullable=False),
    sa.Column('shipped', sa.Integer(), nullable=False),
    sa.Column('received', sa.Integer(), nullable=False),
    sa.Column('damaged', sa.Integer(), nullable=False),
    sa.Column('missing', sa.Integer(), nullable=False),
    sa.CheckConstraint('received + damaged + missing <= shipped', name=op.f('ck_transfer_line_no_more_than_shipped')),
    sa.CheckConstraint('received >= 0 and damaged >= 0 and missing >= 0', name=op.f('ck_transfer_line_counted')),
    sa.CheckConstraint('requested > 0', name=op.f('ck_transfer_line_requested')),
    sa.CheckConstraint('shipped between 0 and requested', name=op.f('ck_transfer_line_shipped')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_transfer_line_company_id')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_transfer_line_product_id')),
    sa.ForeignKeyConstraint(['transfer_id'], ['transfer.id'], name=op.f('fk_transfer_line_transfer_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_transfer_line')),
    sa.UniqueConstraint('transfer_id', 'product_id', name=op.f('uq_transfer_line_transfer_id_product_id'))
    )
    op.create_table('stock_count_entry',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('line_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('round', sa.Integer(), nullable=False),
    sa.Column('counted', sa.Integer(), nullable=False),
    sa.Column('expected', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_stock_count_entry_company_id')),
    sa.ForeignKeyConstraint(['line_id'], ['stock_count_line.id'], name=op.f('fk_stock_count_entry_line_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_stock_count_entry_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_count_entry'))
    )
    op.create_index('ix_stock_count_entry_line', 'stock_count_entry', ['line_id', 'id'], unique=False)
    op.create_table('transfer_lot',
    sa.Column('line_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('batch_code', sa.Text(), nullable=True),
    sa.Column('expires_on', sa.Date(), nullable=True),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_transfer_lot_quantity')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_transfer_lot_company_id')),
    sa.ForeignKeyConstraint(['line_id'], ['transfer_line.id'], name=op.f('fk_transfer_lot_line_id')),
    sa.PrimaryKeyConstraint('line_id', 'number', name=op.f('pk_transfer_lot'))
    )
    op.add_column('store', sa.Column('kind', sa.Enum('DARK_STORE', 'WAREHOUSE', name='storekind', native_enum=False, length=40), server_default='DARK_STORE', nullable=False))
    for table, policy in POLICIES.items():
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy scope on {table} to darkstore_app using ({policy})")
        writes = "" if table in APPEND_ONLY else ", update, delete"
        op.execute(f"grant select, insert{writes} on {table} to darkstore_app")


def downgrade() -> None:
    op.drop_column('store', 'kind')
    op.drop_table('transfer_lot')
    op.drop_index('ix_stock_count_entry_line', table_name='stock_count_entry')
    op.drop_table('stock_count_entry')
    op.drop_table('transfer_line')
    op.drop_index('uq_stock_count_line_live', table_name='stock_count_line', postgresql_where=sa.text('live'))
    op.drop_table('stock_count_line')
    op.drop_index('ix_transfer_source', table_name='transfer')
    op.drop_index('ix_transfer_destination', table_name='transfer')
    op.drop_table('transfer')
    op.drop_table('stock_set')
    op.drop_index('ix_stock_import_row_bad', table_name='stock_import_row', postgresql_where=sa.text('fault is not null'))
    op.drop_table('stock_import_row')
    op.drop_index('ix_stock_count_store', table_name='stock_count')
    op.drop_table('stock_count')
    op.drop_index('ix_stock_upload_person', table_name='stock_upload')
    op.drop_table('stock_upload')
    op.drop_index('ix_stock_import_live', table_name='stock_import', postgresql_where=sa.text("status not in ('COMPLETED','FAILED')"))
    op.drop_index('ix_stock_import_company', table_name='stock_import')
    op.drop_table('stock_import')
