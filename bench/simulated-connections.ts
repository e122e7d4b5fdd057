// Measures the event loop's pauses with more connections than a process may open here: connection objects on streams without a kernel
// socket. Prints JSON. Usage: node --conditions=source bench/simulated-connections.ts COUNT
import { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { KernelSockets, selectConnections } from '@nihao/service'
import { protocols } from '@nihao/wire'
import { Connection, now } from '../services/server/src/connection/connection.ts'
import { ConnectionList } from '../services/server/src/connection/connection-list.ts'
import { Output } from '../services/server/src/connection/output.ts'
import { supervise } from '../services/server/src/connection/supervise.ts'
import { Sweep } from '../services/server/src/connection/sweep.ts'
import { ListenerCounters, totalsOf } from '../services/server/src/counters.ts'
import { BufferBudget } from '../services/server/src/limits/buffer-budget.ts'
import { LoopPauses } from './loop-pauses.mjs'

const count = Number(process.argv[2])
const sweepMs = 500

class SilentSocket extends Duplex {
  readonly bytesRead = 0
  readonly bytesWritten = 0
  override _read() {}
  override _write(_: unknown, __: unknown, written: () => void) {
    written()
  }
  setKeepAlive() {
    return this
  }
}

const limits = { idleTimeout: 300_000, slowReaderTimeout: 10_000, maxAge: 0, keepAlive: 0, maxBuffered: 1_048_576 }
const budget = new BufferBudget(Number.POSITIVE_INFINITY, () => {})
const owner = { label: 'simulated', limits, budget, closed: () => {} }
const connections = new ConnectionList<Connection>()
for (let id = 1; id <= count; id++) {
  const socket = new SilentSocket() as unknown as ConstructorParameters<typeof Output>[0]
  const codec = protocols.echo.serverCodec({ greeting: '', maxMessage: 0 }, () => ({}) as never)
  const peer = { address: '192.0.2.1', port: id % 65_536 }
  const parts = { id, socket, output: new Output(socket), peer, codec, opening: undefined, acceptedAtMs: now() }
  connections.add(new Connection(owner, parts))
}
const sweep = new Sweep(connections, sweepMs, connection => supervise(connection, now()))
const listener = { connections, counters: new ListenerCounters() }
const kernel = new KernelSockets()
const describe = ({ peer, receivedBytes }: Connection) => ({ ...peer, receivedBytes })
const pageOf = () =>
  ({ by: 'listener', groups: [{ label: 'simulated', connections: connections.toArray() }], kernel, describe }) as const

async function longestPause(action: () => Promise<unknown>): Promise<object> {
  const pauses = new LoopPauses()
  pauses.start()
  await action()
  await delay(10)
  return pauses.stop()
}

sweep.start()
await delay(2 * sweepMs)
const result = {
  sweep: await longestPause(() => delay(6 * sweepMs)),
  totals: await longestPause(() => totalsOf(listener)),
  list: await longestPause(() => selectConnections(new URLSearchParams(), pageOf())),
}
sweep.stop()
console.log(JSON.stringify(result))
