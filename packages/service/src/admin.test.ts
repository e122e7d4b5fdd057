import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { pino } from 'pino'
import { Counter, Registry } from 'prom-client'
import { type Admin, startAdmin } from './admin.ts'
import { json, plain } from './admin-page.ts'
import { integer } from './formats.ts'
import { readQuery } from './page-query.ts'

const openMetrics = { accept: 'application/openmetrics-text; version=1.0.0,text/plain;q=0.5' }

let admin: Admin
let notReady: string | undefined
const untilSlow = Promise.withResolvers<void>()
const finishSlow = Promise.withResolvers<void>()

/** Each request has its own connection: one kept alive could be evicted just as the next request is sent on it. */
const get = (path: string, { headers, ...init }: { method?: string; headers?: Record<string, string> } = {}) =>
  fetch(`http://127.0.0.1:${admin.port}${path}`, { ...init, headers: { ...headers, connection: 'close' } })

beforeAll(async () => {
  const registry = new Registry()
  const counter = new Counter({ name: 'things_total', help: 'Things.', labelNames: ['kind'], registers: [registry] })
  counter.inc({ kind: 'a' }, 3)
  admin = await startAdmin({
    name: 'nihao-test',
    version: '1.2.3',
    host: '127.0.0.1',
    port: 0,
    registry,
    logger: pino({ level: 'silent' }),
    notReady: () => notReady,
    pages: {
      '/things': () => json(200, { things: 3 }),
      '/some': query => json(200, readQuery(query, { limit: { format: integer(1, 9), default: '5' } })),
      '/slow': async () => {
        untilSlow.resolve()
        await finishSlow.promise
        return plain(200, 'slow')
      },
      '/stuck': () => new Promise<never>(() => {}),
      '/broken': () => {
        throw new Error('a page that fails')
      },
    },
  })
})

afterAll(() => admin.close())

describe('the admin endpoint', () => {
  test.each([
    ['GET', '/livez', 200, 'alive'],
    ['GET', '/livez?verbose', 200, 'alive'],
    ['GET', '/readyz', 200, 'ready'],
    ['GET', '/things', 200, '"things": 3'],
    ['GET', '/some', 200, '"limit": 5'],
    ['GET', '/some?limit=7', 200, '"limit": 7'],
    ['GET', '/some?limit=x7', 400, 'invalid limit "x7": must be an integer from 1 to 9'],
    ['GET', '/some?limt=7', 400, 'unknown parameter "limt": must be limit'],
    ['GET', '/', 200, 'nihao-test 1.2.3'],
    ['GET', '/nowhere', 404, 'not found; available: /livez /readyz /metrics /things'],
    ['GET', '/__proto__', 404, 'not found'],
    ['GET', '/livez/', 404, 'not found'],
    ['GET', '/broken', 500, 'internal error'],
    ['POST', '/metrics', 405, 'only GET and HEAD are allowed'],
    ['DELETE', '/nowhere', 405, 'only GET and HEAD are allowed'],
  ])('%s %s gives %i', async (method, path, status, said) => {
    const response = await get(path, { method })
    expect(response.status).toBe(status)
    expect(await response.text()).toContain(said)
    expect(response.headers.get('allow')).toBe(status === 405 ? 'GET, HEAD' : null)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    })
  })

  test('HEAD gives the headers of GET and no body', async () => {
    const [head, whole] = await Promise.all([get('/metrics', { method: 'HEAD' }), get('/metrics')])
    expect(head.status).toBe(200)
    expect(await head.text()).toBe('')
    for (const name of ['content-type', 'content-length']) expect(head.headers.get(name)).toBe(whole.headers.get(name))
    expect(Number(whole.headers.get('content-length'))).toBe(Buffer.byteLength(await whole.text()))
  })

  test('/readyz is 503 with the reason while the service is not ready', async () => {
    notReady = 'draining'
    const response = await get('/readyz')
    notReady = undefined
    expect(response.status).toBe(503)
    expect(await response.text()).toBe('not ready: draining\n')
  })
})

describe('clients that send nothing or read nothing', () => {
  const sockets: Socket[] = []
  const open = async () => {
    const socket = connect(admin.port, '127.0.0.1')
    socket.on('error', () => {})
    sockets.push(socket)
    await once(socket, 'connect')
    return socket
  }
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy()
  })

  test('do not block requests of others', async () => {
    await Promise.all(Array.from({ length: 200 }, open))
    for (const path of ['/livez', '/readyz', '/metrics']) expect((await get(path)).status).toBe(200)
  })

  test('do not evict a connection with a request in progress', async () => {
    const slow = get('/slow')
    await untilSlow.promise
    await Promise.all(Array.from({ length: 200 }, open))
    // Connections are accepted in order: behind this one, the others have been accepted too, not only by the kernel.
    await get('/livez')
    finishSlow.resolve()
    expect(await (await slow).text()).toBe('slow\n')
  })

  test('do not block requests of others by slow requests', async () => {
    const requests = await Promise.all(Array.from({ length: 100 }, open))
    for (const socket of requests) socket.write('GET /stuck HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await open()
    expect((await get('/livez')).status).toBe(200)
  })

  test('are disconnected when a request does not arrive in time', async () => {
    const silent = await open()
    const partial = await open()
    partial.write('GET /livez HTTP/1.1\r\n')
    // The later timeout for clients that do not read their response disconnects without a status.
    for (const response of await Promise.all([silent, partial].map(text))) expect(response).toMatch(/^HTTP\/1\.1 408 /)
  })
})

describe('/metrics', () => {
  test('is Prometheus text, or OpenMetrics when accepted', async () => {
    const [classic, open] = [await get('/metrics'), await get('/metrics', { headers: openMetrics })]
    expect(classic.headers.get('content-type')).toContain('text/plain; version=0.0.4')
    const classicText = await classic.text()
    expect(classicText).toContain('# TYPE things_total counter\nthings_total{kind="a"} 3')
    expect(classicText).not.toContain('# EOF')
    expect(open.headers.get('content-type')).toContain('application/openmetrics-text; version=1.0.0')
    const openText = await open.text()
    expect(openText).toContain('# TYPE things counter\nthings_total{kind="a"} 3')
    expect(openText.endsWith('# EOF\n')).toBe(true)
  })

  test('scrapes of both formats at the same time do not mix', async () => {
    const scrapes = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const response = await get('/metrics', index % 2 === 0 ? {} : { headers: openMetrics })
        return { type: response.headers.get('content-type'), text: await response.text() }
      }),
    )
    for (const [index, { type, text }] of scrapes.entries()) {
      expect(type).toContain(index % 2 === 0 ? 'text/plain' : 'application/openmetrics-text')
      expect(text.endsWith('# EOF\n')).toBe(index % 2 === 1)
    }
  })
  test('a scrape of one format does not change the other', async () => {
    const samples = async (init?: Parameters<typeof get>[1]) => samplesOf(await (await get('/metrics', init)).text())
    const before = await samples()
    const open = await samples({ headers: openMetrics })
    expect(await samples()).toEqual(before)
    expect(open).toEqual(before)
    expect(before).toContain('things_total{kind="a"}')
  })
})

/** Names and labels; the values of some change from scrape to scrape. */
const samplesOf = (text: string) => [...text.matchAll(/^([a-z_]+(?:\{.*\})?) \S+$/gm)].map(([, series]) => series)
