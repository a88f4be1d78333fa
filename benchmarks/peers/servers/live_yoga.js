// GraphQL Yoga's subscriptions as its makers show them: SSE of its own, WebSockets by graphql-ws.
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { createPubSub, createSchema, createYoga } from 'graphql-yoga'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'
import { told } from './told.js'

const lines = createPubSub()
const yoga = createYoga({
  schema: createSchema({
    typeDefs: readFileSync(new URL('./live.graphql', import.meta.url), 'utf8'),
    resolvers: {
      Query: { hello: () => 'world' },
      Mutation: {
        tell: (_, { orderId }) => {
          lines.publish('order', orderId, { orderTracked: told(orderId) })
          return true
        }
      },
      Subscription: {
        orderTracked: { subscribe: (_, { orderId }) => lines.subscribe('order', orderId) }
      }
    }
  }),
  graphqlEndpoint: '/graphql',
  graphiql: false,
  landingPage: false,
  logging: false
})
const server = createServer({ keepAliveTimeout: 0 }, yoga)
useServer(
  {
    execute: args => args.rootValue.execute(args),
    subscribe: args => args.rootValue.subscribe(args),
    onSubscribe: async (context, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...context, req: context.extra.request, socket: context.extra.socket, params
      })
      const args = {
        schema,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe }
      }
      const errors = validate(args.schema, args.document)
      return errors.length ? errors : args
    }
  },
  new WebSocketServer({ server, path: '/graphql' })
)
server.listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 })
