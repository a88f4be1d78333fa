// What is told of an order: the same fields and about the same bytes as ours, out of memory.
let number = 0

export function told (orderId) {
  number += 1
  return {
    kind: 'EVENT',
    cursor: Buffer.from(`["9f86d081884c",${number},1795275000000000]`).toString('base64url'),
    event: { type: 'LINE_PICKED', occurredAt: new Date().toISOString() },
    order: { id: orderId, code: 'B-1000', status: 'CONFIRMED' }
  }
}
