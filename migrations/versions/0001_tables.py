"""Every table of the house.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geography
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("create extension if not exists postgis")
    op.execute("create extension if not exists pg_trgm")
    op.create_table('audit_entry',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('company_id', sa.Uuid(), nullable=True),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('request_id', sa.Text(), nullable=False),
    sa.Column('changes', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_entry'))
    )
    op.create_index('ix_audit_entry_company', 'audit_entry', ['company_id', 'id'], unique=False)
    op.create_table('company',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('slug', sa.Text(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('minimum_order_minor', sa.BigInteger(), nullable=False),
    sa.Column('small_order_fee_minor', sa.BigInteger(), nullable=False),
    sa.Column('small_order_below_minor', sa.BigInteger(), nullable=False),
    sa.Column('delivery_fee_minor', sa.BigInteger(), nullable=False),
    sa.Column('free_delivery_from_minor', sa.BigInteger(), nullable=True),
    sa.Column('tax_rate_bp', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint('minimum_order_minor >= 0', name=op.f('ck_company_minimum_order')),
    sa.CheckConstraint('tax_rate_bp between 0 and 10000', name=op.f('ck_company_tax_rate')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_company')),
    sa.UniqueConstraint('slug', name=op.f('uq_company_slug'))
    )
    op.create_table('event',
    sa.Column('stream', sa.Text(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=True),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('stream', 'seq', name=op.f('pk_event'))
    )
    op.create_table('idempotency_key',
    sa.Column('owner', sa.Text(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('mutation', sa.Text(), nullable=False),
    sa.Column('fingerprint', sa.LargeBinary(), nullable=False),
    sa.Column('outcome', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('owner', 'key', name=op.f('pk_idempotency_key'))
    )
    op.create_index('ix_idempotency_key_created_at', 'idempotency_key', ['created_at'], unique=False)
    op.create_table('one_time_code',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('phone', sa.Text(), nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('code_hash', sa.LargeBinary(), nullable=False),
    sa.Column('issued_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_one_time_code'))
    )
    op.create_index('ix_one_time_code_address', 'one_time_code', ['address', 'issued_at'], unique=False)
    op.create_index('ix_one_time_code_phone', 'one_time_code', ['phone', 'issued_at'], unique=False)
    op.create_table('payment_notice',
    sa.Column('event_id', sa.Text(), nullable=False),
    sa.Column('provider', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('intent_id', sa.Text(), nullable=True),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('failure', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('event_id', name=op.f('pk_payment_notice'))
    )
    op.create_index('ix_payment_notice_open', 'payment_notice', ['received_at'], unique=False, postgresql_where=sa.text('done_at is null'))
    op.create_table('person',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('email', sa.Text(), nullable=True),
    sa.Column('phone', sa.Text(), nullable=True),
    sa.Column('password_hash', sa.Text(), nullable=True),
    sa.Column('language', sa.Text(), nullable=False),
    sa.Column('failed_sign_ins', sa.Integer(), nullable=False),
    sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('merged_into_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("phone ~ '^[+][1-9][0-9]{6,14}$'", name=op.f('ck_person_phone')),
    sa.ForeignKeyConstraint(['merged_into_id'], ['person.id'], name=op.f('fk_person_merged_into_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_person')),
    sa.UniqueConstraint('phone', name=op.f('uq_person_phone'))
    )
    op.create_index('uq_person_email', 'person', [sa.literal_column('lower(email)')], unique=True)
    op.create_table('stream',
    sa.Column('stream', sa.Text(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=True),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('stream', name=op.f('pk_stream')),
    postgresql_with={'fillfactor': 50}
    )
    op.create_table('address',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('label', sa.Text(), nullable=False),
    sa.Column('line', sa.Text(), nullable=False),
    sa.Column('latitude', sa.Double(), nullable=False),
    sa.Column('longitude', sa.Double(), nullable=False),
    sa.Column('gate_code', sa.Text(), nullable=False),
    sa.Column('drop_note', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_address_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_address'))
    )
    op.create_index(op.f('ix_address_person_id'), 'address', ['person_id'], unique=False)
    op.create_table('brand',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('slug', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('translations', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_brand_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_brand')),
    sa.UniqueConstraint('company_id', 'slug', name=op.f('uq_brand_company_id_slug'))
    )
    op.create_table('cart',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_cart_company_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_cart_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_cart')),
    sa.UniqueConstraint('person_id', 'company_id', name=op.f('uq_cart_person_id_company_id'))
    )
    op.create_table('category',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('parent_id', sa.Uuid(), nullable=True),
    sa.Column('slug', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('translations', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('depth', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_category_company_id')),
    sa.ForeignKeyConstraint(['parent_id'], ['category.id'], name=op.f('fk_category_parent_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_category')),
    sa.UniqueConstraint('company_id', 'slug', name=op.f('uq_category_company_id_slug'))
    )
    op.create_index(op.f('ix_category_parent_id'), 'category', ['parent_id'], unique=False)
    op.create_table('rider',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('vehicle', sa.Enum('BICYCLE', 'E_BIKE', 'SCOOTER', 'CAR', name='vehicle', native_enum=False, length=40), nullable=False),
    sa.Column('status', sa.Enum('OFFLINE', 'ONLINE', name='riderstatus', native_enum=False, length=40), nullable=False),
    sa.Column('live_delivery_id', sa.Uuid(), nullable=True),
    sa.Column('online_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_rider_company_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_rider_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rider')),
    sa.UniqueConstraint('person_id', name=op.f('uq_rider_person_id'))
    )
    op.create_index(op.f('ix_rider_company_id'), 'rider', ['company_id'], unique=False)
    op.create_table('sign_in_session',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('device', sa.Text(), nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_because', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_sign_in_session_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_in_session'))
    )
    op.create_index(op.f('ix_sign_in_session_person_id'), 'sign_in_session', ['person_id'], unique=False)
    op.create_table('store',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('status', sa.Enum('OPEN', 'PAUSED', 'CLOSED', name='storestatus', native_enum=False, length=40), nullable=False),
    sa.Column('latitude', sa.Double(), nullable=False),
    sa.Column('longitude', sa.Double(), nullable=False),
    sa.Column('point', Geography('POINT', srid=4326, spatial_index=False), sa.Computed('ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)::geography', persisted=True), nullable=False),
    sa.Column('timezone', sa.Text(), nullable=False),
    sa.Column('preparation_seconds', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint('latitude between -90 and 90', name=op.f('ck_store_latitude')),
    sa.CheckConstraint('longitude between -180 and 180', name=op.f('ck_store_longitude')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_store_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_store')),
    sa.UniqueConstraint('company_id', 'code', name=op.f('uq_store_company_id_code'))
    )
    op.create_index(op.f('ix_store_company_id'), 'store', ['company_id'], unique=False)
    op.create_index('ix_store_point', 'store', ['point'], unique=False, postgresql_using='gist')
    op.create_table('membership',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('role', sa.Enum('SUPER_ADMIN', 'COMPANY_ADMIN', 'STORE_MANAGER', 'STORE_STAFF', 'RIDER', 'SUPPORT_AGENT', 'CUSTOMER', name='role', native_enum=False, length=40), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=True),
    sa.Column('store_id', sa.Uuid(), nullable=True),
    sa.Column('granted_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('store_id is null or company_id is not null', name=op.f('ck_membership_store_in_company')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_membership_company_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_membership_person_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_membership_store_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_membership'))
    )
    op.create_index(op.f('ix_membership_company_id'), 'membership', ['company_id'], unique=False)
    op.create_index('uq_membership_live', 'membership', ['person_id', 'role', 'company_id', 'store_id'], unique=True, postgresql_where=sa.text('revoked_at is null'), postgresql_nulls_not_distinct=True)
    op.create_table('order',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('customer_name', sa.Text(), nullable=False),
    sa.Column('status', sa.Enum('PLACED', 'CONFIRMED', 'COMPLETED', 'EXPIRED', 'PAYMENT_FAILED', 'CANCELED', name='orderstatus', native_enum=False, length=40), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('items_minor', sa.BigInteger(), nullable=False),
    sa.Column('delivery_fee_minor', sa.BigInteger(), nullable=False),
    sa.Column('small_order_fee_minor', sa.BigInteger(), nullable=False),
    sa.Column('discount_minor', sa.BigInteger(), nullable=False),
    sa.Column('tip_minor', sa.BigInteger(), nullable=False),
    sa.Column('tax_minor', sa.BigInteger(), nullable=False),
    sa.Column('total_minor', sa.BigInteger(), nullable=False),
    sa.Column('latitude', sa.Double(), nullable=False),
    sa.Column('longitude', sa.Double(), nullable=False),
    sa.Column('address_line', sa.Text(), nullable=False),
    sa.Column('drop_note', sa.Text(), nullable=False),
    sa.Column('distance_m', sa.Integer(), nullable=False),
    sa.Column('promise_p50_seconds', sa.Integer(), nullable=False),
    sa.Column('promise_p90_seconds', sa.Integer(), nullable=False),
    sa.Column('delivery_pin', sa.Text(), nullable=False),
    sa.Column('cancel_reason', sa.Enum('CHANGED_MIND', 'TOO_SLOW', 'WRONG_ADDRESS', 'OUT_OF_STOCK', 'NO_STORE', 'NOT_DELIVERED', 'SUSPECTED_FRAUD', 'OTHER', name='cancelreason', native_enum=False, length=40), nullable=True),
    sa.Column('cancel_note', sa.Text(), nullable=False),
    sa.Column('placed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('completed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('canceled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('total_minor = items_minor + delivery_fee_minor + small_order_fee_minor + tip_minor - discount_minor', name=op.f('ck_order_total')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_order_company_id')),
    sa.ForeignKeyConstraint(['customer_id'], ['person.id'], name=op.f('fk_order_customer_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_order_store_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_order')),
    sa.UniqueConstraint('code', name=op.f('uq_order_code'))
    )
    op.create_index('ix_order_company', 'order', ['company_id', 'id'], unique=False)
    op.create_index('ix_order_customer', 'order', ['customer_id', 'id'], unique=False)
    op.create_index('ix_order_due', 'order', ['due_at'], unique=False, postgresql_where=sa.text('due_at is not null'))
    op.create_table('product',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('barcode', sa.Text(), nullable=True),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('translations', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('search_text', sa.Text(), nullable=False),
    sa.Column('search', postgresql.TSVECTOR(), sa.Computed("to_tsvector('english', name || ' ' || search_text) || to_tsvector('simple', search_text)", persisted=True), nullable=False),
    sa.Column('brand_id', sa.Uuid(), nullable=True),
    sa.Column('category_id', sa.Uuid(), nullable=False),
    sa.Column('offer_text', sa.Text(), nullable=False),
    sa.Column('weighed', sa.Boolean(), nullable=False),
    sa.Column('age_restricted', sa.Boolean(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['brand_id'], ['brand.id'], name=op.f('fk_product_brand_id')),
    sa.ForeignKeyConstraint(['category_id'], ['category.id'], name=op.f('fk_product_category_id')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_product_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_product')),
    sa.UniqueConstraint('company_id', 'code', name=op.f('uq_product_company_id_code'))
    )
    op.create_index('ix_product_barcode', 'product', ['company_id', 'barcode'], unique=False)
    op.create_index('ix_product_category', 'product', ['category_id', 'id'], unique=False)
    op.create_index('ix_product_search', 'product', ['search'], unique=False, postgresql_using='gin')
    op.create_table('refresh_token',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('session_id', sa.Uuid(), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('issued_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['session_id'], ['sign_in_session.id'], name=op.f('fk_refresh_token_session_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_refresh_token')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_refresh_token_token_hash'))
    )
    op.create_index(op.f('ix_refresh_token_session_id'), 'refresh_token', ['session_id'], unique=False)
    op.create_table('rider_position',
    sa.Column('rider_id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('latitude', sa.Double(), nullable=False),
    sa.Column('longitude', sa.Double(), nullable=False),
    sa.Column('point', Geography('POINT', srid=4326, spatial_index=False), sa.Computed('ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)::geography', persisted=True), nullable=False),
    sa.Column('heading_degrees', sa.Double(), nullable=True),
    sa.Column('speed_mps', sa.Double(), nullable=True),
    sa.Column('accuracy_m', sa.Double(), nullable=True),
    sa.Column('seen_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['rider_id'], ['rider.id'], name=op.f('fk_rider_position_rider_id')),
    sa.PrimaryKeyConstraint('rider_id', name=op.f('pk_rider_position')),
    postgresql_with={'fillfactor': 50},
    prefixes=['UNLOGGED']
    )
    op.create_index('ix_rider_position_point', 'rider_position', ['point'], unique=False, postgresql_using='gist')
    op.create_table('store_hours',
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('weekday', sa.Integer(), nullable=False),
    sa.Column('opens', sa.Time(), nullable=False),
    sa.Column('closes', sa.Time(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.CheckConstraint('weekday between 0 and 6', name=op.f('ck_store_hours_weekday')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_store_hours_company_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_store_hours_store_id')),
    sa.PrimaryKeyConstraint('store_id', 'weekday', 'opens', name=op.f('pk_store_hours'))
    )
    op.create_table('store_zone',
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('area', Geography('MULTIPOLYGON', srid=4326, spatial_index=False), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_store_zone_company_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_store_zone_store_id')),
    sa.PrimaryKeyConstraint('store_id', name=op.f('pk_store_zone'))
    )
    op.create_index('ix_store_zone_area', 'store_zone', ['area'], unique=False, postgresql_using='gist')
    op.create_table('cart_line',
    sa.Column('cart_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.Column('substitution', sa.Enum('REFUND', 'REPLACE_SIMILAR', 'ASK_ME', name='substitution', native_enum=False, length=40), nullable=False),
    sa.Column('added_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint('quantity between 1 and 99', name=op.f('ck_cart_line_quantity')),
    sa.ForeignKeyConstraint(['cart_id'], ['cart.id'], name=op.f('fk_cart_line_cart_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_cart_line_person_id')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_cart_line_product_id')),
    sa.PrimaryKeyConstraint('cart_id', 'product_id', name=op.f('pk_cart_line'))
    )
    op.create_table('fulfillment',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('status', sa.Enum('QUEUED', 'ACCEPTED', 'PICKING', 'AWAITING_SUBSTITUTION', 'PACKED', 'STAGED', 'HANDED_OVER', 'REJECTED', 'TIMED_OUT', 'CANCELED', 'RESTOCKED', name='fulfillmentstatus', native_enum=False, length=40), nullable=False),
    sa.Column('order_code', sa.Text(), nullable=False),
    sa.Column('customer_name', sa.Text(), nullable=False),
    sa.Column('handover_code', sa.Text(), nullable=False),
    sa.Column('picker_id', sa.Uuid(), nullable=True),
    sa.Column('reject_reason', sa.Enum('OUT_OF_STOCK', 'TOO_BUSY', 'CLOSING', 'TECHNICAL', name='rejectreason', native_enum=False, length=40), nullable=True),
    sa.Column('bags', sa.Integer(), nullable=False),
    sa.Column('queued_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('packed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('handed_over_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_fulfillment_company_id')),
    sa.ForeignKeyConstraint(['customer_id'], ['person.id'], name=op.f('fk_fulfillment_customer_id')),
    sa.ForeignKeyConstraint(['order_id'], ['order.id'], name=op.f('fk_fulfillment_order_id')),
    sa.ForeignKeyConstraint(['picker_id'], ['person.id'], name=op.f('fk_fulfillment_picker_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_fulfillment_store_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_fulfillment'))
    )
    op.create_index('ix_fulfillment_due', 'fulfillment', ['due_at'], unique=False, postgresql_where=sa.text('due_at is not null'))
    op.create_index('ix_fulfillment_order', 'fulfillment', ['order_id'], unique=False)
    op.create_index('ix_fulfillment_queue', 'fulfillment', ['store_id', 'id'], unique=False, postgresql_where=sa.text("status in ('QUEUED','ACCEPTED','PICKING','AWAITING_SUBSTITUTION','PACKED','STAGED')"))
    op.create_index('uq_fulfillment_live', 'fulfillment', ['order_id'], unique=True, postgresql_where=sa.text("status not in ('REJECTED','TIMED_OUT','CANCELED','RESTOCKED')"))
    op.create_table('hold',
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.Column('status', sa.Enum('HELD', 'CLAIMED', 'RELEASED', 'EXPIRED', name='holdstatus', native_enum=False, length=40), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_hold_quantity')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_hold_company_id')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_hold_product_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_hold_store_id')),
    sa.PrimaryKeyConstraint('order_id', 'store_id', 'product_id', name=op.f('pk_hold'))
    )
    op.create_index('ix_hold_expiry', 'hold', ['expires_at'], unique=False, postgresql_where=sa.text("status = 'HELD'"))
    op.create_table('listing',
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('category_id', sa.Uuid(), nullable=False),
    sa.Column('price_minor', sa.BigInteger(), nullable=False),
    sa.Column('available', sa.Boolean(), nullable=False),
    sa.Column('offer_text', sa.Text(), nullable=False),
    sa.Column('aisle', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint('price_minor > 0', name=op.f('ck_listing_price')),
    sa.ForeignKeyConstraint(['category_id'], ['category.id'], name=op.f('fk_listing_category_id')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_listing_company_id')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_listing_product_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_listing_store_id')),
    sa.PrimaryKeyConstraint('store_id', 'product_id', name=op.f('pk_listing'))
    )
    op.create_index('ix_listing_category', 'listing', ['store_id', 'category_id', 'product_id'], unique=False)
    op.create_index(op.f('ix_listing_product_id'), 'listing', ['product_id'], unique=False)
    op.create_table('order_line',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('unit_price_minor', sa.BigInteger(), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.Column('total_minor', sa.BigInteger(), nullable=False),
    sa.Column('packed_quantity', sa.Integer(), nullable=True),
    sa.Column('substitution', sa.Enum('REFUND', 'REPLACE_SIMILAR', 'ASK_ME', name='substitution', native_enum=False, length=40), nullable=False),
    sa.CheckConstraint('packed_quantity between 0 and quantity', name=op.f('ck_order_line_packed_quantity')),
    sa.CheckConstraint('quantity between 1 and 99', name=op.f('ck_order_line_quantity')),
    sa.CheckConstraint('total_minor = quantity * unit_price_minor', name=op.f('ck_order_line_total')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_order_line_company_id')),
    sa.ForeignKeyConstraint(['customer_id'], ['person.id'], name=op.f('fk_order_line_customer_id')),
    sa.ForeignKeyConstraint(['order_id'], ['order.id'], name=op.f('fk_order_line_order_id')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_order_line_product_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_order_line'))
    )
    op.create_index('ix_order_line_order', 'order_line', ['order_id'], unique=False)
    op.create_table('payment',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('provider', sa.Text(), nullable=False),
    sa.Column('intent_id', sa.Text(), nullable=True),
    sa.Column('client_secret', sa.Text(), nullable=True),
    sa.Column('next_action_url', sa.Text(), nullable=True),
    sa.Column('status', sa.Enum('INITIATED', 'ACTION_REQUIRED', 'AUTHORIZED', 'CAPTURED', 'PARTLY_REFUNDED', 'REFUNDED', 'FAILED', 'VOIDED', 'EXPIRED', name='paymentstatus', native_enum=False, length=40), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('authorized_minor', sa.BigInteger(), nullable=False),
    sa.Column('captured_minor', sa.BigInteger(), nullable=False),
    sa.Column('refunded_minor', sa.BigInteger(), nullable=False),
    sa.Column('capture_wanted_minor', sa.BigInteger(), nullable=True),
    sa.Column('void_wanted', sa.Boolean(), nullable=False),
    sa.Column('failure_code', sa.Text(), nullable=True),
    sa.Column('failure_message', sa.Text(), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('captured_minor <= authorized_minor', name=op.f('ck_payment_captured')),
    sa.CheckConstraint('refunded_minor <= captured_minor', name=op.f('ck_payment_refunded')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_payment_company_id')),
    sa.ForeignKeyConstraint(['customer_id'], ['person.id'], name=op.f('fk_payment_customer_id')),
    sa.ForeignKeyConstraint(['order_id'], ['order.id'], name=op.f('fk_payment_order_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payment'))
    )
    op.create_index('ix_payment_due', 'payment', ['due_at'], unique=False, postgresql_where=sa.text('due_at is not null'))
    op.create_index('ix_payment_intent', 'payment', ['intent_id'], unique=True)
    op.create_index('ix_payment_order', 'payment', ['order_id'], unique=False)
    op.create_table('stock',
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('on_hand', sa.Integer(), nullable=False),
    sa.Column('held', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('held >= 0 and held <= on_hand', name=op.f('ck_stock_held_within_on_hand')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_stock_company_id')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_stock_product_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_stock_store_id')),
    sa.PrimaryKeyConstraint('store_id', 'product_id', name=op.f('pk_stock')),
    postgresql_with={'fillfactor': 50}
    )
    op.create_table('stock_entry',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('delta', sa.Integer(), nullable=False),
    sa.Column('reason', sa.Enum('OPENING', 'SALE', 'RESTOCK', 'SHORT', 'ADJUSTMENT', 'RECEIPT', 'DAMAGE', name='stockreason', native_enum=False, length=40), nullable=False),
    sa.Column('reference', sa.Text(), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint('delta <> 0', name=op.f('ck_stock_entry_delta')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_stock_entry_company_id')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_stock_entry_product_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_stock_entry_store_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_entry'))
    )
    op.create_index('ix_stock_entry_row', 'stock_entry', ['store_id', 'product_id'], unique=False)
    op.create_table('ticket',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('opened_by_id', sa.Uuid(), nullable=False),
    sa.Column('assignee_id', sa.Uuid(), nullable=True),
    sa.Column('kind', sa.Enum('ITEM_MISSING', 'ITEM_WRONG', 'ITEM_DAMAGED', 'LATE', 'PAYMENT', 'OTHER', name='ticketkind', native_enum=False, length=40), nullable=False),
    sa.Column('priority', sa.Enum('URGENT', 'HIGH', 'NORMAL', name='ticketpriority', native_enum=False, length=40), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('status', sa.Enum('OPEN', 'WAITING', 'RESOLVED', name='ticketstatus', native_enum=False, length=40), nullable=False),
    sa.Column('resolution', sa.Text(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('first_answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('resolved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['assignee_id'], ['person.id'], name=op.f('fk_ticket_assignee_id')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_ticket_company_id')),
    sa.ForeignKeyConstraint(['customer_id'], ['person.id'], name=op.f('fk_ticket_customer_id')),
    sa.ForeignKeyConstraint(['opened_by_id'], ['person.id'], name=op.f('fk_ticket_opened_by_id')),
    sa.ForeignKeyConstraint(['order_id'], ['order.id'], name=op.f('fk_ticket_order_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ticket'))
    )
    op.create_index('ix_ticket_customer', 'ticket', ['customer_id', 'id'], unique=False)
    op.create_index('ix_ticket_open', 'ticket', ['company_id', 'id'], unique=False, postgresql_where=sa.text("status <> 'RESOLVED'"))
    op.create_index('ix_ticket_order', 'ticket', ['order_id'], unique=False)
    op.create_table('delivery',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('fulfillment_id', sa.Uuid(), nullable=False),
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('rider_id', sa.Uuid(), nullable=True),
    sa.Column('rider_person_id', sa.Uuid(), nullable=True),
    sa.Column('status', sa.Enum('SEARCHING', 'OFFERED', 'ASSIGNED', 'TO_STORE', 'AT_STORE', 'PICKED_UP', 'TO_CUSTOMER', 'ARRIVING', 'AT_CUSTOMER', 'DELIVERED', 'ATTEMPT_FAILED', 'RETURNING', 'RETURNED', 'CANCELED', 'HANDED_TO_PARTNER', name='deliverystatus', native_enum=False, length=40), nullable=False),
    sa.Column('order_code', sa.Text(), nullable=False),
    sa.Column('customer_name', sa.Text(), nullable=False),
    sa.Column('rider_name', sa.Text(), nullable=False),
    sa.Column('latitude', sa.Double(), nullable=False),
    sa.Column('longitude', sa.Double(), nullable=False),
    sa.Column('address_line', sa.Text(), nullable=False),
    sa.Column('drop_note', sa.Text(), nullable=False),
    sa.Column('distance_m', sa.Integer(), nullable=False),
    sa.Column('round', sa.Integer(), nullable=False),
    sa.Column('bags', sa.Integer(), nullable=False),
    sa.Column('handover_tries', sa.Integer(), nullable=False),
    sa.Column('pin_tries', sa.Integer(), nullable=False),
    sa.Column('fail_reason', sa.Enum('NOBODY_HOME', 'WRONG_ADDRESS', 'REFUSED', 'UNSAFE', 'DAMAGED', name='failreason', native_enum=False, length=40), nullable=True),
    sa.Column('assigned_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('picked_up_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('pin_tries between 0 and 10', name=op.f('ck_delivery_pin_tries')),
    sa.CheckConstraint('handover_tries between 0 and 10', name=op.f('ck_delivery_handover_tries')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_delivery_company_id')),
    sa.ForeignKeyConstraint(['customer_id'], ['person.id'], name=op.f('fk_delivery_customer_id')),
    sa.ForeignKeyConstraint(['fulfillment_id'], ['fulfillment.id'], name=op.f('fk_delivery_fulfillment_id')),
    sa.ForeignKeyConstraint(['order_id'], ['order.id'], name=op.f('fk_delivery_order_id')),
    sa.ForeignKeyConstraint(['rider_id'], ['rider.id'], name=op.f('fk_delivery_rider_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_delivery_store_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery'))
    )
    op.create_index('ix_delivery_customer_live', 'delivery', ['customer_id'], unique=False, postgresql_where=sa.text("status not in ('DELIVERED','RETURNED','CANCELED','HANDED_TO_PARTNER')"))
    op.create_index('ix_delivery_due', 'delivery', ['due_at'], unique=False, postgresql_where=sa.text('due_at is not null'))
    op.create_index('ix_delivery_order', 'delivery', ['order_id'], unique=False)
    op.create_index('ix_delivery_rider', 'delivery', ['rider_id', 'id'], unique=False)
    op.create_index('uq_delivery_live', 'delivery', ['fulfillment_id'], unique=True, postgresql_where=sa.text("status not in ('DELIVERED','RETURNED','CANCELED','HANDED_TO_PARTNER')"))
    op.create_table('fulfillment_line',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('fulfillment_id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('order_line_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('aisle', sa.Text(), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.Column('picked_quantity', sa.Integer(), nullable=False),
    sa.Column('status', sa.Enum('PENDING', 'FOUND', 'SHORT', name='fulfillmentlinestatus', native_enum=False, length=40), nullable=False),
    sa.CheckConstraint('picked_quantity between 0 and quantity', name=op.f('ck_fulfillment_line_picked_quantity')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_fulfillment_line_company_id')),
    sa.ForeignKeyConstraint(['customer_id'], ['person.id'], name=op.f('fk_fulfillment_line_customer_id')),
    sa.ForeignKeyConstraint(['fulfillment_id'], ['fulfillment.id'], name=op.f('fk_fulfillment_line_fulfillment_id')),
    sa.ForeignKeyConstraint(['order_line_id'], ['order_line.id'], name=op.f('fk_fulfillment_line_order_line_id')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_fulfillment_line_product_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_fulfillment_line_store_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_fulfillment_line'))
    )
    op.create_index('ix_fulfillment_line_fulfillment', 'fulfillment_line', ['fulfillment_id'], unique=False)
    op.create_table('refund',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('payment_id', sa.Uuid(), nullable=False),
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('ticket_id', sa.Uuid(), nullable=True),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('provider_refund_id', sa.Text(), nullable=True),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('reason', sa.Enum('ITEM_MISSING', 'ITEM_WRONG', 'ITEM_DAMAGED', 'LATE', 'CANCELED', 'GOODWILL', name='refundreason', native_enum=False, length=40), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('status', sa.Enum('REQUESTED', 'SUCCEEDED', 'FAILED', name='refundstatus', native_enum=False, length=40), nullable=False),
    sa.Column('failure_message', sa.Text(), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('requested_by_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint('amount_minor > 0', name=op.f('ck_refund_amount')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_refund_company_id')),
    sa.ForeignKeyConstraint(['customer_id'], ['person.id'], name=op.f('fk_refund_customer_id')),
    sa.ForeignKeyConstraint(['order_id'], ['order.id'], name=op.f('fk_refund_order_id')),
    sa.ForeignKeyConstraint(['payment_id'], ['payment.id'], name=op.f('fk_refund_payment_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_refund'))
    )
    op.create_index('ix_refund_due', 'refund', ['due_at'], unique=False, postgresql_where=sa.text('due_at is not null'))
    op.create_index('ix_refund_order', 'refund', ['order_id'], unique=False)
    op.create_index(op.f('ix_refund_payment_id'), 'refund', ['payment_id'], unique=False)
    op.create_table('ticket_message',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('ticket_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('author_id', sa.Uuid(), nullable=False),
    sa.Column('author_role', sa.Enum('SUPER_ADMIN', 'COMPANY_ADMIN', 'STORE_MANAGER', 'STORE_STAFF', 'RIDER', 'SUPPORT_AGENT', 'CUSTOMER', name='role', native_enum=False, length=40), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['author_id'], ['person.id'], name=op.f('fk_ticket_message_author_id')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_ticket_message_company_id')),
    sa.ForeignKeyConstraint(['customer_id'], ['person.id'], name=op.f('fk_ticket_message_customer_id')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_ticket_message_ticket_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ticket_message'))
    )
    op.create_index('ix_ticket_message_ticket', 'ticket_message', ['ticket_id', 'id'], unique=False)
    op.create_table('delivery_offer',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('delivery_id', sa.Uuid(), nullable=False),
    sa.Column('rider_id', sa.Uuid(), nullable=False),
    sa.Column('rider_person_id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('status', sa.Enum('OFFERED', 'ACCEPTED', 'DECLINED', 'EXPIRED', 'WITHDRAWN', name='offerstatus', native_enum=False, length=40), nullable=False),
    sa.Column('round', sa.Integer(), nullable=False),
    sa.Column('distance_m', sa.Integer(), nullable=False),
    sa.Column('eta_seconds', sa.Integer(), nullable=False),
    sa.Column('ride_m', sa.Integer(), nullable=False),
    sa.Column('offered_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_delivery_offer_company_id')),
    sa.ForeignKeyConstraint(['delivery_id'], ['delivery.id'], name=op.f('fk_delivery_offer_delivery_id')),
    sa.ForeignKeyConstraint(['rider_id'], ['rider.id'], name=op.f('fk_delivery_offer_rider_id')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_delivery_offer_store_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery_offer'))
    )
    op.create_index('ix_delivery_offer_delivery', 'delivery_offer', ['delivery_id'], unique=False)
    op.create_index('ix_delivery_offer_rider', 'delivery_offer', ['rider_id', 'id'], unique=False)
    op.create_index('uq_delivery_offer_live', 'delivery_offer', ['delivery_id'], unique=True, postgresql_where=sa.text("status = 'OFFERED'"))
    op.create_index('uq_delivery_offer_rider_live', 'delivery_offer', ['rider_id'], unique=True, postgresql_where=sa.text("status = 'OFFERED'"))


def downgrade() -> None:
    op.drop_index('uq_delivery_offer_rider_live', table_name='delivery_offer', postgresql_where=sa.text("status = 'OFFERED'"))
    op.drop_index('uq_delivery_offer_live', table_name='delivery_offer', postgresql_where=sa.text("status = 'OFFERED'"))
    op.drop_index('ix_delivery_offer_rider', table_name='delivery_offer')
    op.drop_index('ix_delivery_offer_delivery', table_name='delivery_offer')
    op.drop_table('delivery_offer')
    op.drop_index('ix_ticket_message_ticket', table_name='ticket_message')
    op.drop_table('ticket_message')
    op.drop_index(op.f('ix_refund_payment_id'), table_name='refund')
    op.drop_index('ix_refund_order', table_name='refund')
    op.drop_index('ix_refund_due', table_name='refund', postgresql_where=sa.text('due_at is not null'))
    op.drop_table('refund')
    op.drop_index('ix_fulfillment_line_fulfillment', table_name='fulfillment_line')
    op.drop_table('fulfillment_line')
    op.drop_index('uq_delivery_live', table_name='delivery', postgresql_where=sa.text("status not in ('DELIVERED','RETURNED','CANCELED','HANDED_TO_PARTNER')"))
    op.drop_index('ix_delivery_rider', table_name='delivery')
    op.drop_index('ix_delivery_order', table_name='delivery')
    op.drop_index('ix_delivery_due', table_name='delivery', postgresql_where=sa.text('due_at is not null'))
    op.drop_index('ix_delivery_customer_live', table_name='delivery', postgresql_where=sa.text("status not in ('DELIVERED','RETURNED','CANCELED','HANDED_TO_PARTNER')"))
    op.drop_table('delivery')
    op.drop_index('ix_ticket_order', table_name='ticket')
    op.drop_index('ix_ticket_open', table_name='ticket', postgresql_where=sa.text("status <> 'RESOLVED'"))
    op.drop_index('ix_ticket_customer', table_name='ticket')
    op.drop_table('ticket')
    op.drop_index('ix_stock_entry_row', table_name='stock_entry')
    op.drop_table('stock_entry')
    op.drop_table('stock')
    op.drop_index('ix_payment_order', table_name='payment')
    op.drop_index('ix_payment_intent', table_name='payment')
    op.drop_index('ix_payment_due', table_name='payment', postgresql_where=sa.text('due_at is not null'))
    op.drop_table('payment')
    op.drop_index('ix_order_line_order', table_name='order_line')
    op.drop_table('order_line')
    op.drop_index(op.f('ix_listing_product_id'), table_name='listing')
    op.drop_index('ix_listing_category', table_name='listing')
    op.drop_table('listing')
    op.drop_index('ix_hold_expiry', table_name='hold', postgresql_where=sa.text("status = 'HELD'"))
    op.drop_table('hold')
    op.drop_index('uq_fulfillment_live', table_name='fulfillment', postgresql_where=sa.text("status not in ('REJECTED','TIMED_OUT','CANCELED','RESTOCKED')"))
    op.drop_index('ix_fulfillment_queue', table_name='fulfillment', postgresql_where=sa.text("status in ('QUEUED','ACCEPTED','PICKING','AWAITING_SUBSTITUTION','PACKED','STAGED')"))
    op.drop_index('ix_fulfillment_order', table_name='fulfillment')
    op.drop_index('ix_fulfillment_due', table_name='fulfillment', postgresql_where=sa.text('due_at is not null'))
    op.drop_table('fulfillment')
    op.drop_table('cart_line')
    op.drop_index('ix_store_zone_area', table_name='store_zone', postgresql_using='gist')
    op.drop_table('store_zone')
    op.drop_table('store_hours')
    op.drop_index('ix_rider_position_point', table_name='rider_position', postgresql_using='gist')
    op.drop_table('rider_position')
    op.drop_index(op.f('ix_refresh_token_session_id'), table_name='refresh_token')
    op.drop_table('refresh_token')
    op.drop_index('ix_product_search', table_name='product', postgresql_using='gin')
    op.drop_index('ix_product_category', table_name='product')
    op.drop_index('ix_product_barcode', table_name='product')
    op.drop_table('product')
    op.drop_index('ix_order_due', table_name='order', postgresql_where=sa.text('due_at is not null'))
    op.drop_index('ix_order_customer', table_name='order')
    op.drop_index('ix_order_company', table_name='order')
    op.drop_table('order')
    op.drop_index('uq_membership_live', table_name='membership', postgresql_where=sa.text('revoked_at is null'), postgresql_nulls_not_distinct=True)
    op.drop_index(op.f('ix_membership_company_id'), table_name='membership')
    op.drop_table('membership')
    op.drop_index('ix_store_point', table_name='store', postgresql_using='gist')
    op.drop_index(op.f('ix_store_company_id'), table_name='store')
    op.drop_table('store')
    op.drop_index(op.f('ix_sign_in_session_person_id'), table_name='sign_in_session')
    op.drop_table('sign_in_session')
    op.drop_index(op.f('ix_rider_company_id'), table_name='rider')
    op.drop_table('rider')
    op.drop_index(op.f('ix_category_parent_id'), table_name='category')
    op.drop_table('category')
    op.drop_table('cart')
    op.drop_table('brand')
    op.drop_index(op.f('ix_address_person_id'), table_name='address')
    op.drop_table('address')
    op.drop_table('stream')
    op.drop_index('uq_person_email', table_name='person')
    op.drop_table('person')
    op.drop_index('ix_payment_notice_open', table_name='payment_notice', postgresql_where=sa.text('done_at is null'))
    op.drop_table('payment_notice')
    op.drop_index('ix_one_time_code_phone', table_name='one_time_code')
    op.drop_index('ix_one_time_code_address', table_name='one_time_code')
    op.drop_table('one_time_code')
    op.drop_index('ix_idempotency_key_created_at', table_name='idempotency_key')
    op.drop_table('idempotency_key')
    op.drop_table('event')
    op.drop_table('company')
    op.drop_index('ix_audit_entry_company', table_name='audit_entry')
    op.drop_table('audit_entry')
