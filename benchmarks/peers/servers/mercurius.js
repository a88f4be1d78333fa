// Mercurius as its makers advise: compiled queries (JIT from the first run) and batching loaders.
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { merged } from './merged.js'
import { fields, pages, related } from './reads.js'

const loaders = {}
for (const [type, byField] of Object.entries(related)) {
  loaders[type] = {}
  for (const [field, [batch, key]] of Object.entries(byField)) {
    loaders[type][field] = {
      loader: asked => batch(asked.map(({ obj }) => key(obj))),
      opts: { cache: false }
    }
  }
}

const app = Fastify({ logger: false })
app.register(mercurius, {
  schema: readFileSync(new URL('./shop.graphql', import.meta.url), 'utf8'),
  resolvers: merged(fields, pages),
  loaders,
  jit: 1,
  graphiql: false,
  context: request => ({ person: request.headers['x-person'] })
})
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
