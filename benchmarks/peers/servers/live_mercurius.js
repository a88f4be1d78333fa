// Mercurius' subscriptions as its makers show them: over WebSockets, its emitter in memory.
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { told } from './told.js'

const app = Fastify({ logger: false })
app.register(mercurius, {
  schema: readFileSync(new URL('./live.graphql', import.meta.url), 'utf8'),
  resolvers: {
    Query: { hello: () => 'world' },
    Mutation: {
      tell: async (_, { orderId }, { pubsub }) => {
        await pubsub.publish({ topic: orderId, payload: { orderTracked: told(orderId) } })
        return true
      }
    },
    Subscription: {
      orderTracked: { subscribe: (_, { orderId }, { pubsub }) => pubsub.subscribe(orderId) }
    }
  },
  jit: 1,
  subscription: true,
  graphiql: false
})
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 })
