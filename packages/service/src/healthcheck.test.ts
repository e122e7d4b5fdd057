import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { checkHealth } from './healthcheck.ts'

const options = { args: [], env: {}, adminPort: '1', runOnceModes: ['check', 'idle'] }
let server: Server | undefined

/** Answers every connection like an admin endpoint. */
async function answering(status: string): Promise<string> {
  server = createServer(socket => socket.once('data', () => socket.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return String((server.address() as AddressInfo).port)
}

afterEach(() => {
  server?.close()
  server = undefined
})

describe('the health check', () => {
  test.each([
    ['200 OK', 0],
    ['503 Service Unavailable', 1],
  ])('of a service that answers %s exits with %i', async (status, code) => {
    expect(await checkHealth({ ...options, adminPort: await answering(status) })).toBe(code)
  })

  test('finds the admin endpoint by flag, then by variable, then by default', async () => {
    const port = await answering('200 OK')
    const env = { NIHAO_ADMIN_PORT: port, NIHAO_ADMIN_HOST: '::' }
    expect(await checkHealth({ ...options, env })).toBe(0)
    expect(await checkHealth({ ...options, env, args: ['greet://:0', '--admin-port', '1'] })).toBe(1)
    expect(await checkHealth({ ...options, args: [`--admin-port=${port}`, '--admin-host', '0.0.0.0'] })).toBe(0)
  })

  test.each<[string, number, string[], Record<string, string>?]>([
    ['check', 0, ['check', 'greet://server:1234']],
    ['check by variable', 0, [], { NIHAO_MODE: 'check' }],
    ['idle by flag', 0, ['--mode', 'idle']],
    ['probe', 1, ['probe', 'greet://server:1234']],
    ['the default', 1, []],
    ['probe with such a message', 1, ['--message', 'check', 'greet://server:1234']],
  ])('of a service without an admin endpoint depends on its mode: %s exits with %i', async (_, code, args, env = {}) => {
    expect(await checkHealth({ ...options, args, env })).toBe(code)
  })

  test('of a run-once mode that has an admin endpoint reports that', async () => {
    const port = await answering('503 Service Unavailable')
    expect(await checkHealth({ ...options, args: ['idle'], adminPort: port })).toBe(1)
  })
})
