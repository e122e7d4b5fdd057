// A minimal closed-loop client: counts the bytes of replies, compares nothing and measures no latency.
// Arguments: port of an echo server, connections, depth, bytes per request, seconds of warm-up, seconds to measure.
import { connect } from 'node:net'

const [port, connections, depth, size, warmUpSeconds, measureSeconds] = process.argv.slice(2).map(Number)
const requests = Buffer.concat(Array(depth).fill(Buffer.from(`${'x'.repeat(size - 1)}\n`)))
let replies = 0
for (let index = 0; index < connections; index++) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let bytes = 0
  socket.on('data', chunk => {
    bytes += chunk.length
    const complete = Math.floor(bytes / size)
    bytes -= complete * size
    replies += complete
    // One write per read, however many replies it completed.
    if (complete > 0) socket.write(complete === depth ? requests : requests.subarray(0, complete * size))
  })
  socket.on('connect', () => socket.write(requests))
}
setTimeout(() => {
  const before = replies
  const cpu = process.cpuUsage()
  setTimeout(() => {
    const { user, system } = process.cpuUsage(cpu)
    const exchanges = replies - before
    process.stdout.write(`${JSON.stringify({ exchanges, cpuSeconds: (user + system) / 1e6 })}\n`, () => process.exit())
  }, measureSeconds * 1_000)
}, warmUpSeconds * 1_000)
