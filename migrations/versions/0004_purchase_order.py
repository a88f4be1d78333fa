"""Suppliers, orders to them, what came of those, and proposals of what to order next.

Revision ID: 0004
Revises: 0006b
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0006b"

# The sub-selects make Postgres ask once a statement, not once a row.
TENANT = "(select app_platform()) or company_id = any ((select app_companies())::uuid[])"
TABLES = ("supplier", "supplier_product", "purchase_order", "purchase_order_line",
          "goods_receipt", "goods_receipt_line", "reorder_run", "reorder_proposal")  # fmt: skip
APPEND_ONLY = ("goods_receipt", "goods_receipt_line")


def upgrade() -> None:
    _tables()
    for table in TABLES:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy scope on {table} to darkstore_app using ({TENANT})")
        writes = "" if table in APPEND_ONLY else ", update, delete"
        op.execute(f"grant select, insert{writes} on {table} to darkstore_app")


def _tables() -> None:
    op.create_table('supplier',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('email', sa.Text(), nullable=False),
    sa.Column('phone', sa.Text(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('lead_days', sa.Integer(), nullable=False),
    sa.Column('review_days', sa.Integer(), nullable=False),
    sa.Column('minimum_order_minor', sa.BigInteger(), nullable=False),
    sa.Column('over_tolerance_percent', sa.Integer(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint('lead_days between 0 and 365', name=op.f('ck_supplier_lead_days')),
    sa.CheckConstraint('minimum_order_minor >= 0', name=op.f('ck_supplier_minimum_order')),
    sa.CheckConstraint('over_tolerance_percent between 0 and 100', name=op.f('ck_supplier_over_tolerance')),
    sa.CheckConstraint('review_days between 1 and 90', name=op.f('ck_supplier_review_days')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_supplier_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_supplier')),
    sa.UniqueConstraint('company_id', 'code', name=op.f('uq_supplier_company_id_code'))
    )
    op.create_table('purchase_order',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('supplier_id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('status', sa.Enum('DRAFT', 'APPROVED', 'PARTLY_RECEIVED', 'RECEIVED', 'CLOSED', 'CANCELED', name='purchaseorderstatus', native_enum=False, length=40), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('total_minor', sa.BigInteger(), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('end_note', sa.Text(), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('approved_by_id', sa.Uuid(), nullable=True),
    sa.Column('approved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expected_on', sa.Date(), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['approved_by_id'], ['person.id'], name=op.f('fk_purchase_order_approved_by_id')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_purchase_order_company_id')),
    sa.ForeignKeyConstraint(['created_by_id'], ['person.id'], name=op.f('fk_purchase_order_created_by_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_purchase_order_store_id')),
    sa.ForeignKeyConstraint(['supplier_id'], ['supplier.id'], name=op.f('fk_purchase_order_supplier_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_purchase_order')),
    sa.UniqueConstraint('company_id', 'code', name=op.f('uq_purchase_order_company_id_code'))
    )
    op.create_index('ix_purchase_order_open', 'purchase_order', ['store_id', 'status'], unique=False, postgresql_where=sa.text("status in ('DRAFT','APPROVED','PARTLY_RECEIVED')"))
    op.create_index('ix_purchase_order_store', 'purchase_order', ['store_id', 'id'], unique=False)
    op.create_table('reorder_run',
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('computed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('products', sa.Integer(), nullable=False),
    sa.Column('proposals', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_reorder_run_company_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_reorder_run_store_id')),
    sa.PrimaryKeyConstraint('store_id', name=op.f('pk_reorder_run'))
    )
    op.create_table('goods_receipt',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('purchase_order_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('received_by_id', sa.Uuid(), nullable=True),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_goods_receipt_company_id')),
    sa.ForeignKeyConstraint(['purchase_order_id'], ['purchase_order.id'], name=op.f('fk_goods_receipt_purchase_order_id')),
    sa.ForeignKeyConstraint(['received_by_id'], ['person.id'], name=op.f('fk_goods_receipt_received_by_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_goods_receipt_store_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_goods_receipt'))
    )
    op.create_index('ix_goods_receipt_purchase_order', 'goods_receipt', ['purchase_order_id', 'id'], unique=False)
    op.create_table('purchase_order_line',
    sa.Column('purchase_order_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('sku', sa.Text(), nullable=False),
    sa.Column('packs', sa.Integer(), nullable=False),
    sa.Column('pack_units', sa.Integer(), nullable=False),
    sa.Column('pack_cost_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('received_units', sa.Integer(), nullable=False),
    sa.Column('damaged_units', sa.Integer(), nullable=False),
    sa.CheckConstraint('pack_cost_minor >= 0', name=op.f('ck_purchase_order_line_pack_cost')),
    sa.CheckConstraint('pack_units > 0', name=op.f('ck_purchase_order_line_pack_units')),
    sa.CheckConstraint('packs > 0', name=op.f('ck_purchase_order_line_packs')),
    sa.CheckConstraint('received_units >= 0 and damaged_units >= 0', name=op.f('ck_purchase_order_line_arrived')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_purchase_order_line_company_id')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_purchase_order_line_product_id')),
    sa.ForeignKeyConstraint(['purchase_order_id'], ['purchase_order.id'], name=op.f('fk_purchase_order_line_purchase_order_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_purchase_order_line_store_id')),
    sa.PrimaryKeyConstraint('purchase_order_id', 'product_id', name=op.f('pk_purchase_order_line'))
    )
    op.create_index('ix_purchase_order_line_place', 'purchase_order_line', ['store_id', 'product_id'], unique=False)
    op.create_table('reorder_proposal',
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('supplier_id', sa.Uuid(), nullable=False),
    sa.Column('level', sa.Double(), nullable=False),
    sa.Column('weekdays', sa.ARRAY(sa.Float()), nullable=False),
    sa.Column('deviation', sa.Double(), nullable=False),
    sa.Column('demand', sa.Double(), nullable=False),
    sa.Column('safety', sa.Double(), nullable=False),
    sa.Column('lead_days', sa.Integer(), nullable=False),
    sa.Column('review_days', sa.Integer(), nullable=False),
    sa.Column('available', sa.Integer(), nullable=False),
    sa.Column('incoming', sa.Integer(), nullable=False),
    sa.Column('drafted', sa.Integer(), nullable=False),
    sa.Column('cover_days', sa.Double(), nullable=False),
    sa.Column('packs', sa.Integer(), nullable=False),
    sa.Column('pack_units', sa.Integer(), nullable=False),
    sa.Column('computed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint('pack_units > 0', name=op.f('ck_reorder_proposal_pack_units')),
    sa.CheckConstraint('packs > 0', name=op.f('ck_reorder_proposal_packs')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_reorder_proposal_company_id')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_reorder_proposal_product_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_reorder_proposal_store_id')),
    sa.ForeignKeyConstraint(['supplier_id'], ['supplier.id'], name=op.f('fk_reorder_proposal_supplier_id')),
    sa.PrimaryKeyConstraint('store_id', 'product_id', name=op.f('pk_reorder_proposal'))
    )
    op.create_index('ix_reorder_proposal_urgency', 'reorder_proposal', ['store_id', 'cover_days', 'product_id'], unique=False)
    op.create_table('supplier_product',
    sa.Column('supplier_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('sku', sa.Text(), nullable=False),
    sa.Column('pack_cost_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('pack_units', sa.Integer(), nullable=False),
    sa.Column('lead_days', sa.Integer(), nullable=True),
    sa.Column('preferred', sa.Boolean(), nullable=False),
    sa.CheckConstraint('lead_days between 0 and 365', name=op.f('ck_supplier_product_lead_days')),
    sa.CheckConstraint('pack_cost_minor >= 0', name=op.f('ck_supplier_product_pack_cost')),
    sa.CheckConstraint('pack_units > 0', name=op.f('ck_supplier_product_pack_units')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_supplier_product_company_id')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_supplier_product_product_id')),
    sa.ForeignKeyConstraint(['supplier_id'], ['supplier.id'], name=op.f('fk_supplier_product_supplier_id')),
    sa.PrimaryKeyConstraint('supplier_id', 'product_id', name=op.f('pk_supplier_product'))
    )
    op.create_index(op.f('ix_supplier_product_product_id'), 'supplier_product', ['product_id'], unique=False)
    op.create_index('uq_supplier_product_preferred', 'supplier_product', ['company_id', 'product_id'], unique=True, postgresql_where=sa.text('preferred'))
    op.create_table('goods_receipt_line',
    sa.Column('receipt_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.Column('damaged', sa.Integer(), nullable=False),
    sa.Column('batch_code', sa.Text(), nullable=True),
    sa.Column('expires_on', sa.Date(), nullable=True),
    sa.CheckConstraint('quantity >= 0 and damaged >= 0 and quantity + damaged > 0', name=op.f('ck_goods_receipt_line_units')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_goods_receipt_line_company_id')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_goods_receipt_line_product_id')),
    sa.ForeignKeyConstraint(['receipt_id'], ['goods_receipt.id'], name=op.f('fk_goods_receipt_line_receipt_id')),
    sa.PrimaryKeyConstraint('receipt_id', 'position', name=op.f('pk_goods_receipt_line'))
    )


def downgrade() -> None:
    op.drop_table('goods_receipt_line')
    op.drop_index('uq_supplier_product_preferred', table_name='supplier_product', postgresql_where=sa.text('preferred'))
    op.drop_index(op.f('ix_supplier_product_product_id'), table_name='supplier_product')
    op.drop_table('supplier_product')
    op.drop_index('ix_reorder_proposal_urgency', table_name='reorder_proposal')
    op.drop_table('reorder_proposal')
    op.drop_index('ix_purchase_order_line_place', table_name='purchase_order_line')
    op.drop_table('purchase_order_line')
    op.drop_index('ix_goods_receipt_purchase_order', table_name='goods_receipt')
    op.drop_table('goods_receipt')
    op.drop_table('reorder_run')
    op.drop_index('ix_purchase_order_store', table_name='purchase_order')
    op.drop_index('ix_purchase_order_open', table_name='purchase_order', postgresql_where=sa.text("status in ('DRAFT','APPROVED','PARTLY_RECEIVED')"))
    op.drop_table('purchase_order')
    op.drop_table('supplier')
