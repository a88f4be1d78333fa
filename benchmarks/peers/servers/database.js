// The pool and the prepared statements that the JavaScript peers share.
import { readFileSync } from 'node:fs'
import pg from 'pg'

pg.types.setTypeParser(pg.types.builtins.INT8, Number)

const text = readFileSync(new URL('./statements.sql', import.meta.url), 'utf8')
const statements = new Map(
  text.split(/^-- name: /m).slice(1).map(section => {
    const end = section.indexOf('\n')
    const name = section.slice(0, end).trim()
    return [name, { name, text: section.slice(end).trim() }]
  })
)

export const pool = new pg.Pool({
  host: process.env.BENCH_HOST,
  port: Number(process.env.BENCH_PORT),
  user: process.env.BENCH_USER,
  database: process.env.BENCH_DATABASE,
  max: Number(process.env.BENCH_POOL)
})

// The rows of a named statement; each connection prepares it once.
export async function rows (name, ...values) {
  return (await pool.query({ ...statements.get(name), values })).rows
}
