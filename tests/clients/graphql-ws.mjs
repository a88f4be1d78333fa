// node graphql-ws.mjs HTTP_URL SOCKET_URL
import assert from 'node:assert/strict';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [, socketUrl] = process.argv.slice(2);

async function all(client, query, variables) {
  const results = [];
  for await (const result of client.iterate({ query, variables })) results.push(result);
  return results;
}

const client = createClient({
  url: socketUrl,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: 'Bearer ana' },
});
assert.deepEqual(await all(client, '{ caller }'), [{ data: { caller: 'ana' } }]);
assert.equal((await all(client, 'mutation { bump }')).length, 1);
const [broken] = await all(client, '{ broken hello }');
assert.equal(broken.data.hello, 'hello world');
assert.deepEqual(broken.errors[0].path, ['broken']);
await assert.rejects(all(client, '{ nothing }'), (errors) => errors[0].message.includes('nothing'));
const ticks = await all(client, 'subscription { count(to: 5) { number } }');
assert.deepEqual(ticks.map((tick) => tick.data.count.number), [1, 2, 3, 4, 5]);

// Leaving early frees the operation; the socket goes on.
for await (const first of client.iterate({ query: 'subscription { count(to: 1000, seconds: 0.01) { number } }' })) {
  assert.equal(first.data.count.number, 1);
  break;
}
assert.equal((await all(client, '{ hello }')).length, 1);
await client.dispose();

// A token that ends closes the socket with 4403, and the client comes back with the next token.
const tokens = ['short', 'next'];
const closes = [];
const renewing = createClient({
  url: socketUrl,
  webSocketImpl: WebSocket,
  connectionParams: () => ({ authorization: `Bearer ${tokens.shift()}` }),
  retryWait: async () => {},
  on: { closed: (event) => closes.push([event.code, event.reason]) },
});
let restarted = false;
for await (const result of renewing.iterate({ query: 'subscription { count(to: 20, seconds: 0.05) { number } }' })) {
  restarted ||= closes.length > 0 && result.data.count.number === 1;
  if (result.data.count.number === 20) break;
}
assert.deepEqual(closes[0], [4403, 'token expired']);
assert.ok(restarted);
await renewing.dispose();

// A token that was never good is final: no storm of retries.
const denied = createClient({
  url: socketUrl,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: 'Bearer bad' },
});
await assert.rejects(all(denied, '{ hello }'), (event) => event.code === 4401);
console.log('graphql-ws is content');
