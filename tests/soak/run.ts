// Runs both programs under a mixed load for a time, and reports whether their memory, their open files and their counters stay right.
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { table } from '../../bench/tables.ts'
import { isEqual, Laboratory } from './laboratory.ts'
import { Samples, SETTLE_SECONDS } from './samples.ts'
import { Traffic } from './traffic.ts'

const USAGE = `usage: npm run soak -- [--minutes N]
  --minutes   from 1 to 1440; default: 2. The first two minutes, or half of the time, do not count
              for the slopes, which are compared with a limit after eight more.`

/** Of samples and scrapes. */
const INTERVAL_MS = 1_000

function minutesOf(args: string[]): number {
  try {
    const { minutes = '2' } = parseArgs({ args, options: { minutes: { type: 'string' } } }).values
    if (/^[1-9]\d{0,3}$/.test(minutes) && Number(minutes) <= 1_440) return Number(minutes)
    console.error(`invalid number of minutes "${minutes}"\n${USAGE}`)
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`)
  }
  process.exit(2)
}

const seconds = 60 * minutesOf(process.argv.slice(2))
const settleSeconds = Math.min(SETTLE_SECONDS, seconds / 2)
const ending = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => ending.abort())

await using laboratory = await Laboratory.start()
const { server, client } = laboratory
const samples = [new Samples('server', server), new Samples('client', client)]
const traffic = new Traffic(laboratory.port, ending.signal)
const trafficEnded = traffic.run()
// Reported where it is awaited.
trafficEnded.catch(() => ending.abort())

const startMs = performance.now()
const elapsed = () => (performance.now() - startMs) / 1_000
const certificates = { everySeconds: 10, change: () => laboratory.changeCertificate(), changes: 0 }
const addresses = { everySeconds: 7, change: () => laboratory.changeAddresses(), changes: 0 }
let scrapes = 0
while (elapsed() < seconds && !ending.signal.aborted) {
  await delay(INTERVAL_MS, undefined, { signal: ending.signal }).catch(() => {})
  for (const each of samples) await each.take(elapsed())
  await laboratory.scrape()
  scrapes++
  for (const each of [certificates, addresses]) {
    if (elapsed() < each.everySeconds * (each.changes + 1)) continue
    await each.change()
    each.changes++
  }
}
ending.abort()
await trafficEnded
await laboratory.settle()
const outages = client.logged({ msg: 'outage over' }).length
const totals = await client.stop()
const byPeers = async (what: string, counted: number, metric: string) => ({
  name: `other peers: ${what}`,
  client: counted,
  server: await laboratory.listenerMetric(metric, 0),
  abandoned: 0,
})
const comparisons = [
  ...(await laboratory.compare(totals)),
  await byPeers('connections', traffic.connections, 'tcp_server_connections_opened_total'),
  await byPeers('bytes to the server', traffic.bytes, 'tcp_server_received_bytes_total'),
  await byPeers('bytes to the client', traffic.bytes, 'tcp_server_sent_bytes_total'),
]
const failures = laboratory.failures(totals)
const equal = comparisons.every(isEqual)
const grows = samples.some(each => each.grows(settleSeconds))

const events = {
  scrapes,
  'changes of certificates': certificates.changes,
  'changes of addresses': addresses.changes,
  'resets by peers': traffic.resets,
  'outages by injected resets': outages,
}
console.log(`Soak of ${(elapsed() / 60).toFixed(1)} min: ${Object.entries(events)
  .map(([what, count]) => `${count} ${what}`)
  .join(', ')}.

Memory and open files after the first ${settleSeconds} s; slopes with their standard error. RSS grows in steps while V8 enlarges its space for
young objects, up to 100 MiB; a leak shows in the old objects.

${table(
  ['', 'first tenth', 'last tenth', 'maximum', 'slope per hour', ''],
  samples.flatMap(each => each.rows(settleSeconds)),
)}

Sums of both sides at the end:

${table(
  ['', 'client', 'server', ''],
  comparisons.map(comparison => {
    const { name, client, server, abandoned } = comparison
    const equal = client === server ? 'equal' : `equal but for the HELLO of ${abandoned} abandoned connections`
    return [name, String(client), String(server), isEqual(comparison) ? equal : '**different**']
  }),
)}

Failures without an injected fault: ${failures.length === 0 ? 'none' : failures.join('; ')}`)
if (!equal) console.log(`\nTotals of the client: ${JSON.stringify(totals, undefined, 2)}`)
process.exitCode = !grows && equal && failures.length === 0 ? 0 : 1
