import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect } from '@jest/globals'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { type RunningClient, startClient } from '../process/support/client.ts'
import { Peer } from '../process/support/peer.ts'
import { freePort } from '../process/support/scripted-server.ts'
import { type RunningServer, startServer } from '../process/support/server.ts'
import { isInstalled, testWith } from '../process/support/tool.ts'
import { until } from '../process/support/until.ts'
import { type OpenPage, openPage, startChromium } from './support/chromium.ts'

const HOSTILE = `<img src=x onerror=alert(1)>"'&lt;`
const AXE = readFileSync(createRequire(__filename).resolve('axe-core/axe.min.js'), 'utf8')
const SCHEMES = ['light', 'dark'] as const

const possible = process.env.REQUIRE_PEERS === '1' || isInstalled('chromium')
const test = (name: string, run: () => Promise<void>) => testWith('chromium', name, run)

let browser: Browser
let server: RunningServer
let client: RunningClient
let downPort: number

beforeAll(async () => {
  if (!possible) return
  downPort = await freePort()
  server = await startServer('probe://127.0.0.1:0 greet://127.0.0.1:0?max-connections=1&delay=1ms', {
    env: { NIHAO_IDENTITY: HOSTILE },
  })
  const [probe, greet] = [server.port(0), server.port(1)]
  const targets = [`probe://127.0.0.1:${probe}?name=checkout`, `greet://127.0.0.1:${greet}?name=payments`]
  ;[browser, client] = await Promise.all([
    startChromium(),
    startClient(`${targets.join(' ')} greet://127.0.0.1:${downPort}?name=ledger`, { env: { NIHAO_INTERVAL: '200ms' } }),
  ])
  await until('every target to be tried', async () => (await client.page('/readyz')).status === 200)
})

afterAll(async () => {
  await Promise.all([browser?.close(), client?.[Symbol.asyncDispose](), server?.[Symbol.asyncDispose]()])
})

const open = (service: { readonly adminPort: number }, path = '/', options?: BrowserContextOptions): Promise<OpenPage> =>
  openPage(browser, `http://127.0.0.1:${service.adminPort}${path}`, options)

const headline = (page: Page) => page.locator('h1').innerText()
const rows = (page: Page, section: string) => page.locator(`section[data-key="${section}"] tbody tr`)
/** Waits for this text in the headline, without loading the page again. */
async function says(page: Page, text: string | RegExp): Promise<void> {
  const said = async () => {
    const saying = await headline(page)
    return (typeof text === 'string' ? saying === text : text.test(saying)) || undefined
  }
  await until(`the headline ${text}`, said).catch(async error => {
    throw new Error(`${error.message}; the page is ${await page.content()}`)
  })
}
/** Waits for the title: it changes with the page, but also says when the page is stale. */
const titled = (page: Page, text: RegExp) => until(`the title ${text}`, async () => text.test(await page.title()))
/** Waits until the page has it; polls, because Chromium draws nothing while the machine is busy. */
const shows = (locator: Locator) => until(String(locator), async () => (await locator.count()) > 0)
/** The next time that the script has updated the page. */
async function updated(page: Page): Promise<void> {
  const before = await page.locator('main').getAttribute('data-made-at')
  await shows(page.locator(`main:not([data-made-at="${before}"])`))
}

/** Makes the page believe that it is out of sight, or in it again. */
const hide = (page: Page, hidden: boolean) =>
  page.evaluate(`
    Object.defineProperty(document, 'hidden', { configurable: true, value: ${hidden} })
    document.dispatchEvent(new Event('visibilitychange'))
  `)

describe('the page of the client', () => {
  test('says in words what fails, with a glyph and a word for each target, and the failing ones first', async () => {
    await using opened = await open(client)
    const { page, complaints } = opened
    expect(await headline(page)).toBe('1 of 3 targets failing · side not known yet · never answered')
    expect(await page.locator('.verdict .detail').innerText()).toBe('ledger (refused)')
    const states = await rows(page, 'Targets').locator('td:first-child').allInnerTexts()
    expect(states).toEqual(['✕failing refused', '✓good', '✓good'])
    await shows(page.locator('[data-updates=live]'))
    await updated(page)
    expect(complaints).toEqual([])
  })

  test('shows one target with its plot, events and connections, and text from the network as text', async () => {
    await using opened = await open(client, '/?target=checkout')
    const { page, complaints } = opened
    expect(await headline(page)).toBe('checkout is good')
    expect(await rows(page, 'Connections').locator('th').allInnerTexts()).toEqual([HOSTILE])
    await shows(page.locator('.area .line:not([d=""])'))
    await shows(page.locator('.plot table tr').nth(5))
    await updated(page)
    expect(await page.evaluate('document.images.length')).toBe(0)
    expect(complaints).toEqual([])
  })

  test('follows an outage from its beginning to its end', async () => {
    await using target = await startServer(`greet://127.0.0.1:${await freePort()}`)
    await using watching = await startClient(`greet://127.0.0.1:${target.port()}?name=front`, {
      env: { NIHAO_INTERVAL: '100ms' },
    })
    await using opened = await open(watching)
    const { page, complaints } = opened
    await says(page, 'The target is good')
    expect(await page.locator('.verdict').innerText()).toContain('No outage since the start.')
    target.kill('SIGKILL')
    await says(page, /^1 of 1 target failing · side not known yet · for \d+ s$/)
    await titled(page, /^✕ 1 of 1 target failing/)
    await shows(page.locator('.state.bad', { hasText: 'outage began' }).first())
    await using again = await startServer(`greet://127.0.0.1:${target.port()}`)
    await says(page, 'The target is good')
    await shows(page.locator('.state.good', { hasText: 'outage over' }).first())
    await shows(page.locator('.verdict', { hasText: 'Last outage over at' }))
    await shows(page.locator('.strip .bad'))
    expect(again.adminPort).toBeGreaterThan(0)
    expect(complaints).toEqual([])
  })

  test('shows the peers of its targets as a matrix', async () => {
    await using watching = await startClient(`probe://localhost:${server.port()}?resolve=all&name=mesh`)
    await using opened = await open(watching)
    const { page, complaints } = opened
    const good = rows(page, 'Peers').filter({ hasText: 'good' })
    await shows(good)
    expect(await good.locator('th').innerText()).toBe(HOSTILE)
    expect(await good.locator('td').innerText()).toMatch(/^✓good [\d.]+ (µs|ms|s) · 127\.0\.0\.1$/)
    await page.locator('section[data-key=Peers] thead').getByRole('link', { name: 'mesh' }).click()
    await page.waitForURL(/\?target=mesh/)
    await shows(page.locator('section[data-key=Peers]'))
    expect(complaints).toEqual([])
  })

  test('says that it is stale when the client is stopped, and is live when it continues', async () => {
    await using watching = await startClient(`greet://127.0.0.1:${server.port(1)}`)
    await using opened = await open(watching)
    const { page } = opened
    await shows(page.locator('[data-updates=live]'))
    await titled(page, /^(?!stale)/)
    watching.kill('SIGSTOP')
    try {
      await shows(page.locator('.age', { hasText: /stale: no update for \d+ s/ }))
      expect(await page.title()).toMatch(/^stale · /)
      expect(await page.evaluate(`getComputedStyle(document.querySelector('h1')).filter`)).toBe('grayscale(1)')
    } finally {
      watching.kill('SIGCONT')
    }
    await shows(page.locator('[data-updates=live]'))
    await titled(page, /^(?!stale)/)
  })

  test('is sorted and filtered by keyboard, and keeps focus, text and scroll position', async () => {
    await using opened = await open(client, '/', { viewport: { width: 1280, height: 300 } })
    const { page } = opened
    const header = page.getByRole('link', { name: 'p99' })
    await header.focus()
    await page.keyboard.press('Enter')
    await shows(page.locator('th[aria-sort]', { hasText: 'p99' }))
    expect(page.url()).toContain('sort=p99')
    expect(await page.evaluate('document.activeElement.textContent')).toContain('p99')
    await page.getByRole('searchbox').focus()
    await page.keyboard.type('check')
    await until('one row', async () => (await rows(page, 'Targets').count()) === 1)
    expect(await rows(page, 'Targets').locator('th').allInnerTexts()).toEqual(['checkout'])
    await page.evaluate('scrollTo(0, 120)')
    await updated(page)
    expect(await page.getByRole('searchbox').inputValue()).toBe('check')
    expect(await page.evaluate('[document.activeElement.tagName, scrollY]')).toEqual(['INPUT', 120])
    await page.goBack()
    await shows(rows(page, 'Targets').nth(2))
    expect(await page.locator('th[aria-sort]').innerText()).toContain('State')
  })

  test('stops fetching while it is hidden, and updates at once when it is shown', async () => {
    await using opened = await open(client)
    const { page } = opened
    await updated(page)
    await hide(page, true)
    let requests = 0
    page.on('request', () => requests++)
    // The page says that it is stale after three missed updates: by then, a page that is not hidden has fetched.
    await shows(page.locator('[data-updates=stale]'))
    expect(requests).toBe(0)
    await hide(page, false)
    await shows(page.locator('[data-updates=live]'))
  })

  test('is complete without JavaScript', async () => {
    await using opened = await open(client, '/', { javaScriptEnabled: false })
    const { page } = opened
    expect(await headline(page)).toContain('1 of 3 targets failing')
    expect(await page.locator('.age').innerText()).toMatch(/^as of \d\d:\d\d:\d\d UTC · reload for newer data$/)
    expect(await page.getByRole('searchbox').isVisible()).toBe(false)
    await page.getByRole('link', { name: 'Target', exact: true }).click()
    await page.waitForURL(/sort=name/)
    expect(await rows(page, 'Targets').locator('th').allInnerTexts()).toEqual(['checkout', 'ledger', 'payments'])
    await page.getByRole('link', { name: 'failing', exact: true }).click()
    await page.waitForURL(/state=failing/)
    expect(await rows(page, 'Targets').locator('th').allInnerTexts()).toEqual(['ledger'])
    await page.getByRole('link', { name: 'ledger' }).click()
    await page.waitForURL(/target=ledger/)
    expect(await headline(page)).toContain('ledger is failing')
  })

  test('is in Chinese for those who prefer it', async () => {
    await using opened = await open(client, '/', { locale: 'zh-CN' })
    const { page } = opened
    expect(await headline(page)).toBe('3 个目标中 1 个故障 · 原因侧尚不清楚 · 从未应答')
    expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN')
  })
})

describe('the page of the server', () => {
  test('says that it is at its limit, that faults are on, and what it rejects', async () => {
    await using opened = await open(server)
    const { page, complaints } = opened
    await using peer = await Peer.connect(server.port(1))
    await says(page, /^At the connection limit: greet:\d+ \(1\/1\)/)
    await peer.finished()
    await shows(rows(page, 'Rejected, by reason').filter({ hasText: 'max_connections' }))
    expect(await page.locator('.banner').innerText()).toMatch(/Faults are on.*greet:\d+ delay=1/s)
    expect(await page.locator('header').innerText()).toContain(HOSTILE)
    expect(await page.evaluate('document.images.length')).toBe(0)
    expect(complaints).toEqual([])
  })

  test('shows the progress of a drain', async () => {
    await using draining = await startServer('greet://127.0.0.1:0', {
      env: { NIHAO_DRAIN_TIMEOUT: '1m', NIHAO_DRAIN_DELAY: '0s' },
    })
    await using peer = await Peer.connect(draining.port())
    await peer.ask('hi\n', '你好，hi\n')
    await using opened = await open(draining)
    const { page } = opened
    await says(page, 'Serving 1 connection')
    draining.kill('SIGTERM')
    await says(page, /^Draining · 1 of 1 connections open$/)
    await shows(page.locator('.verdict', { hasText: /The rest are terminated in \d+ s\./ }))
    draining.kill('SIGTERM')
  })

  test('sorts and filters connections without JavaScript', async () => {
    await using opened = await open(server, '/', { javaScriptEnabled: false })
    const { page } = opened
    const section = page.locator('section[data-key=Connections]')
    await section.getByRole('link', { name: 'Bytes' }).click()
    await page.waitForURL(/sort=bytes/)
    expect(await section.locator('th[aria-sort]').innerText()).toContain('Bytes')
    await section.getByRole('link', { name: /^probe:/ }).click()
    await page.waitForURL(/sort=bytes.*listener=|listener=.*sort=bytes/)
    // The server may still have to close the connections of earlier tests.
    await until('one connection', async () => {
      await page.reload()
      return (await rows(page, 'Connections').count()) === 1
    })
  })
})

describe('every page', () => {
  const pages = [
    ['the overview', () => client, '/'],
    ['a target', () => client, '/?target=checkout'],
    ['the server', () => server, '/'],
  ] as const

  for (const [name, service, path] of pages) {
    for (const colorScheme of SCHEMES) {
      test(`${name} is accessible (${colorScheme}) and complains about nothing`, async () => {
        await using opened = await open(service(), path, { colorScheme })
        const { page, complaints } = opened
        await updated(page)
        // The elements stay the same while they are examined.
        await hide(page, true)
        await page.evaluate(AXE)
        const { violations } = (await page.evaluate('axe.run()')) as { violations: { id: string; nodes: { html: string }[] }[] }
        expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`)).toEqual([])
        expect(complaints).toEqual([])
      })
    }

    test(`${name} fits into 360 px`, async () => {
      await using opened = await open(service(), path, { viewport: { width: 360, height: 800 } })
      expect(await opened.page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    })
  }

  test('loads one script of at most 15 KB, and refers to nothing else', async () => {
    const { text } = await client.page('/')
    expect(
      [...text.matchAll(/(?:src|href)="([^"?]+)[^"]*"/g)].map(([, path]) => path).filter(path => path?.startsWith('/page')),
    ).toEqual(['/page.css', '/page.js'])
    expect(text).not.toContain('style=')
    expect((await client.page('/page.js')).text.length).toBeLessThan(15_000)
  })
})
