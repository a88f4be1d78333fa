// node apollo.mjs HTTP_URL SOCKET_URL
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client/core';
import { CombinedGraphQLErrors, ServerError } from '@apollo/client/errors';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { createClient } from 'graphql-ws';
import { OperationTypeNode } from 'graphql';
import WebSocket from 'ws';

const [url, socketUrl] = process.argv.slice(2);
const socket = createClient({ url: socketUrl, webSocketImpl: WebSocket, connectionParams: { authorization: 'Bearer ana' } });

function clientOf(token) {
  return new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket),
      new HttpLink({ uri: url, headers: { authorization: `Bearer ${token}` } }),
    ),
  });
}

const client = clientOf('ana');
const { data } = await client.query({ query: gql`{ caller }` });
assert.equal(data.caller, 'ana');
assert.ok((await client.mutate({ mutation: gql`mutation { bump }` })).data.bump > 0);
await assert.rejects(client.query({ query: gql`{ nothing }` }), (error) => CombinedGraphQLErrors.is(error));
await assert.rejects(client.query({ query: gql`{ broken }` }), (error) => CombinedGraphQLErrors.is(error) && error.errors[0].path[0] === 'broken');
await assert.rejects(
  clientOf('bad').query({ query: gql`{ caller }` }),
  (error) => (CombinedGraphQLErrors.is(error) && error.errors[0].extensions.code === 'UNAUTHENTICATED')
    || (ServerError.is(error) && error.statusCode === 401),
);

// Asked for by its hash: taught the first time, known the second.
const sent = [];
const persisted = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.from([
    new PersistedQueryLink({ sha256: (text) => createHash('sha256').update(text).digest('hex') }),
    new HttpLink({ uri: url, fetch: (to, options) => { sent.push(JSON.parse(options.body)); return fetch(to, options); } }),
  ]),
});
for (const name of ['Ana', 'Rui']) {
  const answer = await persisted.query({ query: gql`query Hail($name: String!) { hello(name: $name) }`, variables: { name } });
  assert.equal(answer.data.hello, `hello ${name}`);
}
assert.deepEqual(sent.map((body) => 'query' in body), [false, true, false]);
persisted.stop();

const numbers = await new Promise((resolve, reject) => {
  const seen = [];
  client.subscribe({ query: gql`subscription { count(to: 3) { number } }` }).subscribe({
    next: (result) => seen.push(result.data.count.number),
    error: reject,
    complete: () => resolve(seen),
  });
});
assert.deepEqual(numbers, [1, 2, 3]);

// Without sockets: the parts of one multipart response.
const parts = new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: url }) });
function partsOf(document) {
  return new Promise((resolve, reject) => {
    const seen = [];
    parts.subscribe({ query: document }).subscribe({
      next: (result) => seen.push(result.error ? 'error' : result.data.count.number),
      error: reject,
      complete: () => resolve(seen),
    });
  });
}
// Slower than the heartbeats, which must not be taken for results.
assert.deepEqual(await partsOf(gql`subscription { count(to: 3, seconds: 0.7) { number } }`), [1, 2, 3]);
parts.stop();
await socket.dispose();
client.stop();
console.log('Apollo Client is content');
