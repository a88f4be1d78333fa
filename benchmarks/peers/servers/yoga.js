// GraphQL Yoga on Node's own HTTP server, with one DataLoader a batch and request.
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import DataLoader from 'dataloader'
import { createSchema, createYoga } from 'graphql-yoga'
import { merged } from './merged.js'
import { fields, pages, related } from './reads.js'

const loading = {}
for (const [type, byField] of Object.entries(related)) {
  loading[type] = {}
  for (const [field, [batch, key]] of Object.entries(byField)) {
    loading[type][field] = (row, _, context) => {
      let loader = context.loaders.get(batch)
      if (loader === undefined) {
        loader = new DataLoader(batch)
        context.loaders.set(batch, loader)
      }
      const wanted = key(row)
      return wanted === null ? null : loader.load(wanted)
    }
  }
}

const yoga = createYoga({
  schema: createSchema({
    typeDefs: readFileSync(new URL('./shop.graphql', import.meta.url), 'utf8'),
    resolvers: merged(fields, pages, loading)
  }),
  context: ({ request }) => ({ person: request.headers.get('x-person'), loaders: new Map() }),
  graphqlEndpoint: '/graphql',
  graphiql: false,
  landingPage: false,
  logging: false
})
createServer(yoga).listen(Number(process.env.PORT), '127.0.0.1')
