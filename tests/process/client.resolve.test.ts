import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect } from '@jest/globals'
import { type RunningClient, startClient } from './support/client.ts'
import { echo, ScriptedServer } from './support/scripted-server.ts'
import { testWith } from './support/tool.ts'
import { until } from './support/until.ts'

const NAME = 'many.test'

describe('a name with many addresses', () => {
  let folder: string
  let port: number
  let servers: ScriptedServer[]

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nihao-hosts-'))
    await writeFile(join(folder, 'nsswitch.conf'), 'hosts: files\n')
    const first = await ScriptedServer.listen(echo, { host: '127.0.0.1', port: 0 })
    port = first.port
    const others = ['127.0.0.2', '127.0.0.3', '::1'].map(host => ScriptedServer.listen(echo, { host, port }))
    servers = [first, ...(await Promise.all(others))]
  })
  afterEach(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  const resolvesTo = (...addresses: string[]) =>
    writeFile(join(folder, 'hosts'), addresses.map(address => `${address} ${NAME}\n`).join(''))

  /** With an /etc/hosts that only this process has; it shows what is written into it later, too. */
  const start = (options: string) =>
    startClient(`echo://${NAME}:${port}?interval=20ms&resolve=all${options}`, {
      within: [
        'unshare',
        ...['--mount', 'sh', '-c'],
        `mount --bind ${folder}/hosts /etc/hosts && mount --bind ${folder}/nsswitch.conf /etc/nsswitch.conf && exec "$@"`,
        'sh',
      ],
    })

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

  testWith('unshare', 'has a session to each, which come and go with the addresses', async () => {
    await resolvesTo('127.0.0.1', '127.0.0.2', '::1')
    await using client = await start('&resolve-interval=100ms')
    await connectedTo(client, '127.0.0.1', '127.0.0.2', '::1')

    await resolvesTo('127.0.0.2', '127.0.0.3')
    await connectedTo(client, '127.0.0.2', '127.0.0.3')
    expect(await client.log({ msg: 'addresses changed', addresses: 2 })).toMatchObject({
      found: ['127.0.0.3'],
      gone: expect.arrayContaining(['127.0.0.1', '::1']),
    })

    const target = `echo://${NAME}:${port}`
    expect([...(await client.scrape()).keys()].filter(series => /127\.0|::1/.test(series))).toEqual([])
    const { [target]: totals } = await client.stop()
    // Whoever leaves an address that is gone leaves it in peace: nothing was lost, and nothing failed.
    expect(totals).toMatchObject({ exchangeFailures: {}, outages: {}, connectionsClosed: { finished: 4 }, connectionAttempts: 4 })
    expect(servers.map(({ accepted }) => accepted)).toEqual([1, 1, 1, 1])
    await until('all to be closed', () => servers.every(({ open }) => open.size === 0))
  })

  testWith('unshare', 'that has none any more is an outage, which ends when it has one again', async () => {
    await resolvesTo('127.0.0.1')
    await using client = await start('&resolve-interval=4s&timeout=5s')
    await connectedTo(client, '127.0.0.1')

    await resolvesTo()
    expect(await client.log({ msg: 'outage began' })).toMatchObject({ reason: 'dns' })
    const status = async () => (await client.page('/targets')).status
    await until('the target to be bad', async () => (await status()) === 503)

    await resolvesTo('127.0.0.2')
    // Seen by whoever asks for the name, before it is looked up for its addresses again.
    expect(await client.log({ msg: 'outage over' })).toMatchObject({
      reason: 'dns',
      side: 'name_service',
      evidence: 'dns',
      found: `127.0.0.2:${port}`,
    })
    await connectedTo(client, '127.0.0.2')
    await until('the target to be good', async () => (await status()) === 200)
    expect(client.logged({ msg: 'name look-up failed' })).toHaveLength(1)
    await client.stop()
  })

  testWith('unshare', 'has all its connections to each of them', async () => {
    await resolvesTo('127.0.0.2', '::1')
    await using client = await start('&connections=2')
    await connectedTo(client, '127.0.0.2', '127.0.0.2', '::1', '::1')
    await client.stop()
  })
})
