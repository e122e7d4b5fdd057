import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { pino } from 'pino'
import { Counter, Registry } from 'prom-client'
import { type Admin, checkHealth, json, startAdmin } from './admin.ts'

const openMetrics = { accept: 'application/openmetrics-text; version=1.0.0,text/plain;q=0.5' }

let admin: Admin
let notReady: string | undefined
let refused: { host: string; port: number }

const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${admin.port}${path}`, init)

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
      '/broken': () => {
        throw new Error('a page that fails')
      },
    },
  })
  refused = { host: '127.0.0.1', port: 1 }
})

afterAll(() => admin.close())

describe('the admin endpoint', () => {
  test.each([
    ['GET', '/livez', 200, 'alive'],
    ['GET', '/livez?verbose', 200, 'alive'],
    ['GET', '/readyz', 200, 'ready'],
    ['GET', '/things', 200, '"things": 3'],
    ['GET', '/', 200, 'nihao-test 1.2.3'],
    ['GET', '/nowhere', 404, '/livez /readyz /metrics /things'],
    ['GET', '/__proto__', 404, 'not found'],
    ['GET', '/livez/', 404, 'not found'],
    ['GET', '/broken', 500, 'internal error'],
    ['POST', '/metrics', 405, 'only GET and HEAD'],
    ['DELETE', '/nowhere', 405, 'only GET and HEAD'],
  ])('%s %s gives %i', async (method, path, status, said) => {
    const response = await get(path, { method })
    expect(response.status).toBe(status)
    expect(await response.text()).toContain(said)
    expect(response.headers.get('allow')).toBe(status === 405 ? 'GET, HEAD' : null)
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  test('HEAD gives the headers of GET and no body', async () => {
    const [head, whole] = await Promise.all([get('/metrics', { method: 'HEAD' }), get('/metrics')])
    expect(head.status).toBe(200)
    expect(await head.text()).toBe('')
    for (const name of ['content-type', 'content-length']) expect(head.headers.get(name)).toBe(whole.headers.get(name))
    expect(Number(whole.headers.get('content-length'))).toBe(Buffer.byteLength(await whole.text()))
  })

  test('/readyz is 503 with the reason while the service does not do its work', async () => {
    notReady = 'draining'
    const response = await get('/readyz')
    const health = await checkHealth('127.0.0.1', admin.port)
    notReady = undefined
    expect(response.status).toBe(503)
    expect(await response.text()).toBe('not ready: draining\n')
    expect(health).toBe(1)
  })

  test('the health check is 0 when ready, by the wildcard address too, and 1 where nobody answers', async () => {
    expect(await checkHealth('127.0.0.1', admin.port)).toBe(0)
    expect(await checkHealth('0.0.0.0', admin.port)).toBe(0)
    expect(await checkHealth(refused.host, refused.port)).toBe(1)
  })
})

describe('/metrics', () => {
  test('is Prometheus text, or OpenMetrics for who accepts it', async () => {
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
})
