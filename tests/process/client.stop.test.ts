import type { Socket } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import { startClient } from './support/client.ts'
import { echo, freePort, ScriptedServer } from './support/scripted-server.ts'
import { until } from './support/until.ts'

const env = { NIHAO_INTERVAL: '100ms', NIHAO_MESSAGE: 'ping', NIHAO_SUMMARY_INTERVAL: '0s' }

describe('a client that is stopped', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('by %s closes its connections, logs its totals and exits with 0', async signal => {
    let served = 0
    await using server = await ScriptedServer.listen(socket => {
      socket.once('data', () => served++)
      echo(socket)
    })
    const url = `echo://127.0.0.1:${server.port}`
    await using client = await startClient(`${url}?connections=2&fresh=true`, { env })
    await until('some exchanges', async () => (await client.metric('tcp_client_exchanges_total')) >= 10)
    const { [url]: totals } = await client.stop(signal)
    expect(client.logged({ signal, msg: 'stopping' })).toHaveLength(1)
    const { exchanges = 0, connectionAttempts } = totals ?? {}
    expect(exchanges).toBeGreaterThanOrEqual(10)
    expect(totals).toMatchObject({ connectionFailures: {}, exchangeFailures: {}, outages: {} })
    expect(totals).toMatchObject({ connectionsClosed: { finished: served }, sentBytes: 5 * exchanges })
    expect(totals?.receivedBytes).toBe(totals?.sentBytes)
    // Attempts under way are abandoned.
    expect(connectionAttempts).toBeGreaterThanOrEqual(served)
    await until('the connections to be closed', () => server.open.size === 0)
    expect(client.logged().at(-1)?.msg).toBe('stopped')
  })

  test('sends nothing more, and receives the outstanding reply', async () => {
    let received = ''
    const asked = Promise.withResolvers<Socket>()
    await using server = await ScriptedServer.listen(socket => {
      socket.on('data', chunk => {
        received += chunk
        asked.resolve(socket)
      })
      socket.on('end', () => socket.end())
    })
    const url = `echo://127.0.0.1:${server.port}`
    await using client = await startClient(`${url}?interval=60s&timeout=60s`, { env })
    const socket = await asked.promise
    client.kill('SIGTERM')
    await client.log({ msg: 'stopping' })
    expect(client.running).toBe(true)
    socket.write('ping\n')
    const { code } = await client.exit()
    const [line] = client.logged({ msg: 'stopped' })
    expect({ code, received }).toEqual({ code: 0, received: 'ping\n' })
    expect(line?.[url]).toMatchObject({
      exchanges: 1,
      exchangeFailures: {},
      connectionsClosed: { finished: 1 },
      receivedBytes: 5,
    })
  })

  test('while its server is down exits immediately, and reports the outage as unfinished', async () => {
    const server = await ScriptedServer.listen(echo, { port: await freePort() })
    const url = `echo://127.0.0.1:${server.port}`
    await using client = await startClient(url, { env })
    await client.log({ msg: 'first reply' })
    await server[Symbol.asyncDispose]()
    await client.log({ msg: 'outage began' })
    const { [url]: totals } = await client.stop()
    expect(Object.values(totals?.outages ?? {})).toEqual([1])
    expect(client.logged().map(({ msg }) => msg)).toEqual([
      'admin listening',
      'first reply',
      'outage began',
      'stopping',
      'outage not over',
      'stopped',
    ])
  })

  test.each([
    ['SIGINT', 'SIGTERM', 143],
    ['SIGTERM', 'SIGINT', 130],
    ['SIGTERM', 'SIGTERM', 143],
  ] as const)('by %s and then by %s ends at once, with %i', async (first, second, code) => {
    await using server = await ScriptedServer.listen(socket => socket.resume())
    await using client = await startClient(`echo://127.0.0.1:${server.port}?timeout=10m`, { env })
    await until('an exchange under way', async () => (await client.connections()).some(({ outstanding }) => outstanding > 0))
    client.kill(first)
    await client.log({ msg: 'stopping', signal: first })
    client.kill(second)
    expect(await client.exit()).toEqual({ code, signal: null, stderr: '' })
    expect(client.logged({ msg: 'second signal: exiting immediately', signal: second })).toHaveLength(1)
  })

  test('exits even if its log has no reader', async () => {
    await using server = await ScriptedServer.listen(echo)
    await using client = await startClient(`echo://127.0.0.1:${server.port}`, { env })
    await until('an exchange', async () => (await client.metric('tcp_client_exchanges_total')) > 0)
    client.closeStdout()
    client.kill('SIGTERM')
    expect(await client.exit()).toMatchObject({ code: 0, signal: null })
    await until('the connection to be closed', () => server.open.size === 0)
  })
})
