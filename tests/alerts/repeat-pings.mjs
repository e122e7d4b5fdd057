// A proxy between a probe client and its server that sends every 20th PING twice, and drops one of the two PONGs.
// node repeat-pings.mjs PORT HOST
import { connect, createServer } from 'node:net'

const PING = 2
const PONG = 3

const [port, host] = process.argv.slice(2)

/** Passes whole frames on: each as often as `times` says. */
function forward(from, to, times) {
  let bytes = Buffer.alloc(0)
  from.on('data', chunk => {
    bytes = Buffer.concat([bytes, chunk])
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0)) {
      const frame = bytes.subarray(0, 4 + bytes.readUInt32BE(0))
      bytes = bytes.subarray(frame.length)
      for (let count = times(frame[4], frame.readUInt32BE(5)); count > 0; count--) to.write(frame)
    }
  })
  from.on('end', () => to.end())
  from.on('error', () => to.destroy())
}

createServer({ allowHalfOpen: true }, client => {
  const server = connect({ port, host, allowHalfOpen: true })
  const repeated = new Set()
  forward(client, server, (type, id) => {
    if (type !== PING || id % 20 !== 0) return 1
    repeated.add(id)
    return 2
  })
  forward(server, client, (type, id) => (type === PONG && repeated.delete(id) ? 0 : 1))
}).listen(port)
