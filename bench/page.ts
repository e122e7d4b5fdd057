/**
 * `npm run bench:page`: the time to first paint of both pages with 1,000 targets and 5,000 connections. The programs and Chromium share one core.
 * Prints a table.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { openPage, startChromium } from '../tests/browser/support/chromium.ts'
import { startClient } from '../tests/process/support/client.ts'
import { Peers } from '../tests/process/support/peer.ts'
import { startServer } from '../tests/process/support/server.ts'
import { until } from '../tests/process/support/until.ts'

const TARGETS = 1_000
const CONNECTIONS = 5_000
const ROUNDS = 9

// Everything that is started from here inherits it.
spawnSync('taskset', ['--all-tasks', '--pid', '--cpu-list', '0', String(process.pid)])

const median = (values: readonly number[]) => values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN

const residentMiB = (pid: number) =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024)

const firstPaint = (page: Page) =>
  page.evaluate(`new Promise(resolve => new PerformanceObserver(list => resolve(list.getEntries()[0].startTime))
    .observe({ type: 'paint', buffered: true }))`) as Promise<number>

/** Time on a core of a process so far, ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

const REQUESTS = 20

await using server = await startServer('probe://127.0.0.1:0 echo://127.0.0.1:0')
const targets = Array.from({ length: TARGETS }, (_, index) => `probe://127.0.0.1:${server.port(0)}?name=target-${index}`)
await using client = await startClient(targets.join(' '))
await using peers = await Peers.connect(CONNECTIONS, server.port(1))
await until('every target to be tried', async () => (await client.page('/readyz')).status === 200)
const browser = await startChromium()

console.log(
  '| Page | First paint (median) | (longest) | HTML | CPU per update | Memory of the program |\n|---|---|---|---|---|---|',
)
for (const [name, service, path] of [
  [`client, ${TARGETS} targets`, client, '/'],
  ['client, one target', client, '/?target=target-7'],
  [`server, ${peers.all.length + TARGETS} connections`, server, '/'],
] as const) {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await using opened = await openPage(browser, `http://127.0.0.1:${service.adminPort}${path}`)
    times.push(await firstPaint(opened.page))
  }
  const { text } = await service.page(path)
  const idle = await cpuOf(service.pid, async () => new Promise(resolve => setTimeout(resolve, 2_000)))
  const busy = await cpuOf(service.pid, async () => {
    for (let request = 0; request < REQUESTS; request++) await service.page(path)
  })
  const update = (busy.cpu - (idle.cpu / idle.elapsed) * busy.elapsed) / REQUESTS
  const cells = [
    `${Math.round(median(times))} ms`,
    `${Math.round(Math.max(...times))} ms`,
    `${Math.round(Buffer.byteLength(text) / 1_024)} KiB`,
  ]
  console.log(`| ${[name, ...cells, `${update.toFixed(1)} ms`, `${residentMiB(service.pid)} MiB`].join(' | ')} |`)
}
await browser.close()

async function cpuOf(pid: number, work: () => Promise<unknown>): Promise<{ cpu: number; elapsed: number }> {
  const [startCpu, startMs] = [cpuMs(pid), performance.now()]
  await work()
  return { cpu: cpuMs(pid) - startCpu, elapsed: performance.now() - startMs }
}
