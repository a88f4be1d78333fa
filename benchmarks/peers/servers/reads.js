// Reads of one row or page, batches in the order of their keys, and the plain fields of rows.
import { GraphQLScalarType } from 'graphql'
import { rows } from './database.js'

const LOW_UNITS = 5

export const publicId = prefix => row =>
  `${prefix}_${Buffer.from(row.id.replaceAll('-', ''), 'hex').toString('base64url')}`

export function keyOf (id) {
  const hex = Buffer.from(id.slice(4), 'base64url').toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

// The query in PostgreSQL's syntax: every word must be met, the last one as a prefix.
export function searchQuery (words) {
  const found = words.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  return found.map(word => `'${word}'`).join(' & ') + ':*'
}

async function onePer (name, column, keys) {
  const found = new Map((await rows(name, keys)).map(row => [row[column], row]))
  return keys.map(key => found.get(key) ?? null)
}

async function manyPer (name, column, keys) {
  const found = new Map(keys.map(key => [key, []]))
  for (const row of await rows(name, keys)) found.get(row[column]).push(row)
  return keys.map(key => found.get(key))
}

function sharing (batch) {
  // The keys of a level repeat (twenty products have few brands): each is read once.
  return async keys => {
    const distinct = [...new Set(keys)]
    const found = new Map((await batch(distinct)).map((row, nth) => [distinct[nth], row]))
    return keys.map(key => found.get(key))
  }
}

export const batches = {
  brand: sharing(keys => onePer('brands', 'id', keys)),
  category: sharing(keys => onePer('categories', 'id', keys)),
  store: sharing(keys => onePer('stores', 'id', keys)),
  lines: keys => manyPer('lines', 'order_id', keys),
  payment: keys => onePer('payments', 'order_id', keys),
  fulfillment: keys => onePer('fulfillments', 'order_id', keys),
  delivery: keys => onePer('deliveries', 'order_id', keys),
  position: keys => onePer('positions', 'rider_id', keys),
  timeline: keys => manyPer('events', 'stream', keys.map(key => `order:${key}`)),
  async availability (products) {
    const stores = products.map(product => product.store_id)
    const stock = await rows('stock', stores, products.map(product => product.id))
    const units = new Map(stock.map(row => [row.product_id, row.units]))
    return products.map(product => band(product.available ? units.get(product.id) ?? 0 : 0))
  }
}

function band (units) {
  if (units <= 0) return 'OUT_OF_STOCK'
  return units <= LOW_UNITS ? 'LOW_STOCK' : 'IN_STOCK'
}

export const queries = {
  async storefront (_, { location }) {
    const [store] = await rows('storefront', location.latitude, location.longitude)
    return store ? { store } : null
  },
  async order (_, { id }, context) {
    return (await rows('order', keyOf(id), context.person))[0] ?? null
  },
  async viewer (_, __, context) {
    const [customer] = await rows('person', context.person)
    return customer ? { customer } : null
  }
}

export async function category ({ store }, { slug }) {
  const [found] = await rows('category', store.company_id, slug)
  return found ? { ...found, store } : null
}

export async function products ({ id, store }, { first }) {
  return { nodes: inCurrency(store, await rows('page', store.id, id, first)) }
}

export async function search ({ store }, { query, first }) {
  return { nodes: inCurrency(store, await rows('search', store.id, searchQuery(query), first)) }
}

export async function orders ({ id }, { first }) {
  return { nodes: await rows('orders', id, first) }
}

function inCurrency (store, found) {
  for (const row of found) row.currency = store.currency
  return found
}

const money = column => row =>
  row[column] === null ? null : { minorUnits: row[column], currency: row.currency }

export const fields = {
  SafeInt: new GraphQLScalarType({ name: 'SafeInt', serialize: value => value }),
  DateTime: new GraphQLScalarType({ name: 'DateTime', serialize: value => value.toISOString() }),
  Brand: { id: publicId('brd') },
  Product: {
    id: publicId('prd'),
    sku: row => row.code,
    promotionLabel: row => row.promotion_label,
    price: money('price_minor')
  },
  Category: { id: publicId('cat') },
  Store: { id: publicId('sto') },
  OrderLine: {
    id: publicId('oln'),
    unitPrice: money('unit_price_minor'),
    total: money('total_minor')
  },
  Payment: { id: publicId('pay'), capturedAmount: money('captured_amount_minor') },
  Fulfillment: { id: publicId('ful') },
  OrderEvent: { occurredAt: row => row.at },
  RiderLocation: { recordedAt: row => row.recorded_at },
  Delivery: { id: publicId('dlv'), riderName: row => row.rider_name },
  Order: {
    id: publicId('ord'),
    placedAt: row => row.placed_at,
    promiseP50Seconds: row => row.promise_p50_seconds,
    total: money('total_minor')
  },
  Customer: { id: publicId('per') }
}

export const pages = {
  Query: queries,
  Storefront: { category, search },
  Category: { products },
  Customer: { orders }
}

// Which field is read by which batch, and by which key of its parent.
export const related = {
  Product: {
    brand: [batches.brand, row => row.brand_id],
    category: [batches.category, row => row.category_id],
    availability: [batches.availability, row => row]
  },
  Order: {
    store: [batches.store, row => row.store_id],
    lines: [batches.lines, row => row.id],
    payment: [batches.payment, row => row.id],
    fulfillment: [batches.fulfillment, row => row.id],
    delivery: [batches.delivery, row => row.id],
    timeline: [
      async keys => (await batches.timeline(keys)).map(nodes => ({ nodes })),
      row => row.id
    ]
  },
  Delivery: { riderLocation: [batches.position, row => row.rider_id] }
}
