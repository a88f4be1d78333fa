// PostGraphile over the tables as they are. What a generated graph can't know is told by tags
// (a listing has one stock row) and by the functions that the benchmark's database adds.
import { createServer } from 'node:http'
import { grafserv } from 'postgraphile/grafserv/node'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { jsonPgSmartTags } from 'postgraphile/utils'

// PostGraphile counts on this of Node 22.
Promise.withResolvers ??= function () {
  const made = {}
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }))
  return made
}

const foreign = '(store_id, product_id) references stock (store_id, product_id)|@fieldName stock'
const tags = jsonPgSmartTags({
  version: 1,
  config: {
    class: { 'public.listing': { tags: { foreignKey: foreign } } },
    attribute: {
      'public.order_line.position': { tags: { behavior: '+orderBy' } },
      'public.fulfillment.attempt_number': { tags: { behavior: '+orderBy' } }
    }
  }
})
const host = encodeURIComponent(process.env.BENCH_HOST)
const where = `${process.env.BENCH_DATABASE}?host=${host}&port=${process.env.BENCH_PORT}`

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [tags],
  pgServices: [
    makePgService({
      connectionString: `postgresql://${process.env.BENCH_USER}@/${where}`,
      poolConfig: { max: Number(process.env.BENCH_POOL) },
      schemas: ['public']
    })
  ],
  grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false },
  grafast: { explain: false }
}
const server = createServer()
await postgraphile(preset).createServ(grafserv).addTo(server)
server.listen(Number(process.env.PORT), '127.0.0.1')
