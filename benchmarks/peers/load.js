// Keeps N connections busy with one request for some seconds and prints what came of it as JSON.
// Raw sockets and one prepared request: it has to cost far less than the servers it measures.
// Usage: node load.js '{"port":1,"headers":{},"body":"{}","connections":16,"warm":1,"seconds":3}'
import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'

const { port, headers, body, connections, warm, seconds } = JSON.parse(process.argv[2])
const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')
const request = Buffer.from(
  `POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/json\r\n` +
  `accept: application/json\r\n${lines}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
)
const END_OF_HEAD = Buffer.from('\r\n\r\n')
const END_OF_CHUNKS = Buffer.from('\r\n0\r\n\r\n')
// Answers that tell what is left of a budget differ by some digits; errors differ by far more.
const COUNTERS_BYTES = 24
const PATIENCE_MS = 30_000
const took = []
let counting = false
let over = false
let failures = 0
let expected = null
let sample = ''

function open () {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let began = 0
  let held = null
  const ask = () => { began = performance.now(); socket.write(request) }
  const answered = answer => {
    const good = answer.toString('latin1', 9, 12) === '200'
    const length = answer.length
    expected ??= length
    if (!good || Math.abs(length - expected) > COUNTERS_BYTES) {
      failures++
      sample ||= answer.toString('utf8', 0, 600)
    }
    if (counting) took.push(performance.now() - began)
    if (over) socket.destroy()
    else ask()
  }
  socket.on('connect', ask)
  socket.on('error', error => { failures++; sample ||= String(error) })
  socket.on('close', () => { if (!over) { failures++; sample ||= 'closed by the server' } })
  socket.on('data', chunk => {
    held = held === null ? chunk : Buffer.concat([held, chunk])
    const head = held.indexOf(END_OF_HEAD)
    if (head < 0) return
    const said = held.toString('latin1', 0, head).toLowerCase()
    const length = /\r\ncontent-length: *(\d+)/.exec(said)
    const whole = length !== null
      ? held.length >= head + 4 + Number(length[1])
      : held.indexOf(END_OF_CHUNKS, held.length - END_OF_CHUNKS.length) >= 0
    if (!whole) return
    const answer = held
    held = null
    answered(answer)
  })
}

const pause = wait => new Promise(resolve => setTimeout(resolve, wait * 1000))
for (let nth = 0; nth < connections; nth++) open()
await pause(warm)
process.stdout.write('begin\n')
counting = true
const start = performance.now()
await pause(seconds)
// A slow server may need longer than that for its first answer.
while (took.length === 0 && failures === 0 && performance.now() - start < PATIENCE_MS) await pause(0.05)
counting = false
over = true
const lasted = (performance.now() - start) / 1000
process.stdout.write('end\n')
took.sort((a, b) => a - b)
const at = share => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? null
process.stdout.write(JSON.stringify({
  requests: took.length, seconds: lasted, p50_ms: at(0.5), p99_ms: at(0.99), failures, sample
}) + '\n')
setTimeout(() => process.exit(0), 200)
