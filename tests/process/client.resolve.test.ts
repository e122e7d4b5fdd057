import { afterEach, beforeEach, describe, expect } from '@jest/globals'
import { type RunningClient, startClient } from './support/client.ts'
import { HostName } from './support/host-name.ts'
import { echo, freePort, ScriptedServer } from './support/scripted-server.ts'
import { startServer } from './support/server.ts'
import { testWith } from './support/tool.ts'
import { until } from './support/until.ts'

describe('a name with many addresses', () => {
  let name: HostName
  let port: number
  let servers: ScriptedServer[]

  beforeEach(async () => {
    name = await HostName.create()
    const first = await ScriptedServer.listen(echo, { port: await freePort() })
    port = first.port
    const others = ['127.0.0.2', '127.0.0.3', '::1'].map(host => ScriptedServer.listen(echo, { host, port }))
    servers = [first, ...(await Promise.all(others))]
  })
  afterEach(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]()
    await name[Symbol.asyncDispose]()
  })

  const start = (options: string, protocol = 'echo', targetPort = port) =>
    startClient(`${protocol}://${name}:${targetPort}?interval=20ms&resolve=all${options}`, { within: name.within })

  const connectedTo = (client: RunningClient, ...hosts: string[]) =>
    until(`connections to ${hosts.join(' ')}`, async () => {
      const connections = await client.connections()
      const open = connections.filter(({ answered }) => answered > 1).map(({ remoteAddress }) => remoteAddress)
      return (
        connections.length === hosts.length &&
        open.sort().join() ===
          hosts
            .map(host => `${host}:${port}`)
            .sort()
            .join()
      )
    })

  testWith('unshare', 'has a session with each, which begin and end with the addresses', async () => {
    await name.resolvesTo('127.0.0.1', '127.0.0.2', '::1')
    await using client = await start('&resolve-interval=100ms')
    await connectedTo(client, '127.0.0.1', '127.0.0.2', '::1')

    await name.resolvesTo('127.0.0.2', '127.0.0.3')
    await connectedTo(client, '127.0.0.2', '127.0.0.3')
    expect(await client.log({ msg: 'addresses changed', addresses: 2 })).toMatchObject({
      found: ['127.0.0.3'],
      gone: expect.arrayContaining(['127.0.0.1', '::1']),
    })

    const target = `echo://${name}:${port}`
    expect([...(await client.scrape()).keys()].filter(series => /127\.0|::1/.test(series))).toEqual([])
    const { [target]: totals } = await client.stop()
    // Sessions of a removed address end without a failure or a lost exchange.
    expect(totals).toMatchObject({ exchangeFailures: {}, outages: {}, connectionsClosed: { finished: 4 }, connectionAttempts: 4 })
    expect(servers.map(({ accepted }) => accepted)).toEqual([1, 1, 1, 1])
    await until('all to be closed', () => servers.every(({ open }) => open.size === 0))
  })

  testWith('unshare', 'without any address left is an outage, which ends when one is added', async () => {
    await name.resolvesTo('127.0.0.1')
    await using client = await start('&resolve-interval=10m&timeout=5s')
    await connectedTo(client, '127.0.0.1')

    await name.resolvesTo()
    // A FIN makes the client look the name up.
    for (const socket of servers[0]?.open ?? []) socket.unpipe().resume().end()
    await client.log({ msg: 'outage began', reason: 'dns' })
    const status = async () => (await client.page('/targets')).status
    await until('the target to be bad', async () => (await status()) === 503)

    await name.resolvesTo('127.0.0.2')
    // Visible to any lookup, even before the next periodic one.
    expect(await client.log({ msg: 'outage over', reason: 'dns' })).toMatchObject({
      side: 'name_service',
      evidence: 'dns',
      found: `127.0.0.2:${port}`,
    })
    await connectedTo(client, '127.0.0.2')
    await until('the target to be good', async () => (await status()) === 200)
    expect(client.logged({ msg: 'name look-up failed' })).toHaveLength(1)
    await client.stop()
  })

  testWith('unshare', 'and servers that drain: each is left at once, also while the name still has it', async () => {
    const ports = await freePort()
    const hosts = ['127.0.0.1', '127.0.0.2', '127.0.0.3']
    const servers = await Promise.all(hosts.map(host => startServer(`probe://${host}:${ports}`)))
    try {
      await name.resolvesTo(...hosts)
      await using client = await start('&resolve-interval=10m', 'probe', ports)
      const open = (count: number) =>
        until(`${count} sessions`, async () => {
          const connections = await client.connections()
          return connections.length === count && connections.every(({ answered }) => answered > 1)
        })
      await open(3)
      for (const [index, server] of servers.slice(0, 2).entries()) {
        server.kill('SIGTERM')
        expect((await server.exit()).code).toBe(0)
        await open(2 - index)
      }
      const { [`probe://${name}:${ports}`]: totals } = await client.stop()
      expect(totals).toMatchObject({ outages: {}, exchangeFailures: {} })
      expect(client.logged({ msg: 'outage began' })).toEqual([])
    } finally {
      for (const server of servers) await server[Symbol.asyncDispose]()
    }
  })

  testWith('unshare', 'has all its connections to each address', async () => {
    await name.resolvesTo('127.0.0.2', '::1')
    await using client = await start('&connections=2')
    await connectedTo(client, '127.0.0.2', '127.0.0.2', '::1', '::1')
    await client.stop()
  })
})
