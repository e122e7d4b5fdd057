/** `npm run screenshots`: makes the pictures of the pages in this folder, from the real programs in a network with outages. Takes five minutes. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import { startChromium } from '../tests/browser/support/chromium.ts'
import { startClient } from '../tests/process/support/client.ts'
import { Peer, Peers } from '../tests/process/support/peer.ts'
import { freePort } from '../tests/process/support/scripted-server.ts'
import { type RunningServer, startServer } from '../tests/process/support/server.ts'

const OUTPUT = join(import.meta.dirname, 'screenshots')
const WIDTH = 1_200
/** Percent: sharp text at a fifth of the size of a PNG. */
const QUALITY = 60
/** Where the sections end that matter. */
const MAX_HEIGHT = 975

const start = (name: string, listen: string, env: Readonly<Record<string, string>> = {}) =>
  startServer(listen, { env: { NIHAO_IDENTITY: name, ...env } })

const [paymentsPort, ledgerPort] = [await freePort(), await freePort()]
const payments = `probe://127.0.0.1:${paymentsPort}`
await using shop = await start(
  'shop-1',
  'probe://127.0.0.1:0?max-age=100s greet://127.0.0.1:0 chargen://127.0.0.1:0?max-connections=40&max-buffered=1MiB&slow-reader-timeout=20m',
)
await using first = await start('payments-1', payments)
await using ledger = await start('ledger-1', `greet://127.0.0.1:${ledgerPort}`)
const targets = [
  `${payments}?name=payments&connections=3`,
  `probe://127.0.0.1:${shop.port(0)}?name=checkout&connections=8&fresh=true`,
  `greet://127.0.0.1:${shop.port(1)}?name=search&connections=2`,
  `greet://127.0.0.1:${ledgerPort}?name=ledger`,
]
await using client = await startClient(targets.join(' '), { env: { NIHAO_INTERVAL: '200ms', NIHAO_TIMEOUT: '3s' } })

const leaving = new AbortController()
const visitors = visit(shop, leaving.signal)
await delay(110_000)
first.kill('SIGKILL')
await delay(14_000)
await using second = await start('payments-2', payments)
await delay(60_000)
second.kill('SIGTERM')
// It has stopped listening, and serves its connections until they have moved.
await delay(500)
await using _third = await start('payments-3', payments)
await delay(80_000)
ledger.kill('SIGKILL')
await delay(6_000)

const browser = await startChromium()
for (const colorScheme of ['light', 'dark'] as const) {
  await shoot(browser, client, '/', `client-${colorScheme}`, colorScheme)
  await shoot(browser, client, '/?target=payments', `target-${colorScheme}`, colorScheme)
  await shoot(browser, shop, '/', `server-${colorScheme}`, colorScheme)
}
await browser.close()
leaving.abort()
await visitors

/** Connections that come and go, more than the limit allows, and some that do not read. */
async function visit(server: RunningServer, signal: AbortSignal): Promise<void> {
  const slow = await Promise.all(Array.from({ length: 6 }, () => Peer.connect(server.port(2), { reading: false })))
  while (!signal.aborted) {
    const busy = 1 + Math.sin(performance.now() / 20_000)
    const some = await Peers.connect(Math.round(8 + 18 * busy), server.port(2))
    await delay(1_000 + Math.random() * 1_500)
    await some[Symbol.asyncDispose]()
  }
  await Promise.all(slow.map(peer => peer[Symbol.asyncDispose]()))
}

async function shoot(
  browser: Browser,
  { adminPort }: { readonly adminPort: number },
  path: string,
  name: string,
  colorScheme: 'light' | 'dark',
): Promise<void> {
  const context = await browser.newContext({ colorScheme, locale: 'en-US', viewport: { width: WIDTH, height: 800 } })
  const page = await context.newPage()
  await page.goto(`http://127.0.0.1:${adminPort}${path}`)
  await page.locator('[data-updates=live]').waitFor()
  const height = Math.min(MAX_HEIGHT, (await page.evaluate('document.documentElement.scrollHeight')) as number)
  const devTools = await context.newCDPSession(page)
  const clip = { x: 0, y: 0, width: WIDTH, height, scale: 1 }
  const { data } = await devTools.send('Page.captureScreenshot', {
    format: 'webp',
    quality: QUALITY,
    captureBeyondViewport: true,
    clip,
  })
  writeFileSync(join(OUTPUT, `${name}.webp`), Buffer.from(data, 'base64'))
  await context.close()
}
