// node urql.mjs HTTP_URL SOCKET_URL
import assert from 'node:assert/strict';
import { Client, fetchExchange, gql, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, socketUrl] = process.argv.slice(2);
const mediaTypes = [];
const shared = {
  url,
  preferGetMethod: false,
  fetchOptions: { headers: { authorization: 'Bearer ana' } },
  fetch: async (...request) => {
    const response = await fetch(...request);
    mediaTypes.push(response.headers.get('content-type').split(';')[0]);
    return response;
  },
};

function all(client, query) {
  return new Promise((resolve, reject) => {
    const seen = [];
    const { unsubscribe } = client.subscription(query, {}).subscribe((result) => {
      if (result.error) reject(result.error);
      else seen.push(result.data.count.number);
      if (seen.length === 3) resolve(seen);
    });
    setTimeout(() => { unsubscribe(); reject(new Error('no three numbers in time')); }, 5000).unref();
  });
}

const COUNT = gql`subscription { count(to: 3, seconds: 0.05) { number } }`;
const overEvents = new Client({ ...shared, exchanges: [fetchExchange], fetchSubscriptions: true });
assert.equal((await overEvents.query(gql`{ caller }`, {})).data.caller, 'ana');
assert.equal((await overEvents.mutation(gql`mutation { bump }`, {})).error, undefined);
assert.deepEqual(mediaTypes, Array(2).fill('application/graphql-response+json'));
const failed = await overEvents.query(gql`{ nothing }`, {});
assert.ok(failed.error.graphQLErrors[0].message.includes('nothing'));
const broken = await overEvents.query(gql`{ broken hello }`, {});
assert.equal(broken.data.hello, 'hello world');
assert.deepEqual(broken.error.graphQLErrors[0].path, ['broken']);
assert.deepEqual(await all(overEvents, COUNT), [1, 2, 3]);
assert.equal(mediaTypes.at(-1), 'text/event-stream');

const socket = createClient({ url: socketUrl, webSocketImpl: WebSocket });
const overSocket = new Client({
  ...shared,
  exchanges: [
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: (request) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...request, query: request.query ?? '' }, sink) }),
      }),
    }),
  ],
});
assert.deepEqual(await all(overSocket, COUNT), [1, 2, 3]);
await socket.dispose();
console.log('urql is content');
