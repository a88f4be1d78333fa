// node graphql-sse.mjs HTTP_URL SOCKET_URL
import assert from 'node:assert/strict';
import { createClient } from 'graphql-sse';

const [url] = process.argv.slice(2);

async function all(client, query, variables) {
  const results = [];
  for await (const result of client.iterate({ query, variables })) results.push(result);
  return results;
}

const client = createClient({ url, headers: { authorization: 'Bearer ana' } });
assert.deepEqual(await all(client, '{ caller }'), [{ data: { caller: 'ana' } }]);
const ticks = await all(client, 'subscription ($to: Int!) { count(to: $to) { number cursor } }', { to: 3 });
assert.deepEqual(ticks.map((tick) => tick.data.count.number), [1, 2, 3]);
const [invalid] = await all(client, 'subscription { nothing }');
assert.ok(invalid.errors[0].message.includes('nothing'));
const broken = await all(client, 'subscription { breaks }');
assert.equal(broken[0].data.breaks, 1);
assert.ok(broken[1].errors.length);

// A heartbeat on the way is no event.
const slow = await all(client, 'subscription { count(to: 1, seconds: 1.2) { number } }');
assert.equal(slow.length, 1);

const denied = createClient({ url, headers: { authorization: 'Bearer bad' }, retryAttempts: 0 });
await assert.rejects(all(denied, 'subscription { count { number } }'), (error) => error.response.status === 401);
client.dispose();
console.log('graphql-sse is content');
