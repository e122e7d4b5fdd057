import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from '@jest/globals'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { startAdmin } from './admin.ts'

/** The status and the body of a request as its bytes say it, on an endpoint that is bound to this host. */
async function ask(bound: string, request: string): Promise<{ status: number; body: string }> {
  const options = { name: 'nihao-test', version: '1.2.3', host: bound, port: 0, notReady: () => undefined, pages: {} }
  const admin = await startAdmin({ ...options, registry: new Registry(), logger: pino({ level: 'silent' }) })
  // The server has bound the first address of the name; Node would try the next one if this process had to wait for a core.
  const socket = connect({ port: admin.port, host: bound === '' ? '127.0.0.1' : bound, autoSelectFamily: false })
  await once(socket, 'connect')
  socket.end(request)
  const response = await text(socket)
  admin.close()
  return { status: Number(response.split(' ')[1]), body: response.split('\r\n\r\n').slice(1).join() }
}

const withHost = (host: string, path = '/livez') => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`

describe('an admin port on loopback', () => {
  test.each(['localhost', 'LocalHost:9464', '127.0.0.1', '127.0.0.1:80', '127.9.9.9:1', '[::1]:9464', '[::1]'])(
    'answers the host %s',
    async host => {
      expect(await ask('127.0.0.1', withHost(host))).toEqual({ status: 200, body: 'alive\n' })
    },
  )

  test.each([
    'evil.example',
    'evil.example:9464',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.0.0.1@evil.example',
    '192.0.2.1',
    '[::2]',
    '0.0.0.0',
    'localhost:x',
  ])('rejects the host %s on every page', async host => {
    for (const path of ['/', '/livez', '/metrics', '/nowhere']) {
      const { status, body } = await ask('127.0.0.1', withHost(host, path))
      expect(status).toBe(421)
      expect(body).toContain(`wrong host "${host}": this port is bound to 127.0.0.1; use localhost or that address`)
    }
  })

  test('answers the name it was bound by, and HTTP/1.0 without a host', async () => {
    expect((await ask('localhost', withHost('localhost:1'))).status).toBe(200)
    expect((await ask('127.0.0.1', 'GET /livez HTTP/1.0\r\n\r\n')).status).toBe(200)
  })
})

test('an admin port on every address may have any name', async () => {
  expect((await ask('', withHost('server.nihao.svc:9464'))).status).toBe(200)
})
