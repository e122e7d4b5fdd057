import { afterEach, beforeEach, describe, expect } from '@jest/globals'
import { chooseByRendezvous } from '../../services/client/src/peers/rendezvous.ts'
import { type PeerState, type RunningClient, startClient } from './support/client.ts'
import { HostName } from './support/host-name.ts'
import { echo, freePort, ScriptedServer } from './support/scripted-server.ts'
import { type RunningServer, startServer } from './support/server.ts'
import { testWith } from './support/tool.ts'
import { until } from './support/until.ts'

const HOSTS = ['127.0.0.1', '127.0.0.2', '127.0.0.3'] as const

/** The peers of the only target, by address. */
async function peersOf(client: RunningClient): Promise<Record<string, PeerState>> {
  const [target] = Object.values(await client.targets())
  return Object.fromEntries((target?.peers ?? []).map(peer => [peer.address, peer]))
}

/** Waits until these are the peers, and all good. */
const goodPeers = (client: RunningClient, ...addresses: string[]) =>
  until(`good peers ${addresses}`, async () => {
    const peers = Object.values(await peersOf(client))
    return (
      peers.every(({ state }) => state === 'good') &&
      peers
        .map(({ address }) => address)
        .sort()
        .join() === addresses.join()
    )
  })

/** The series of a metric, by the label `peer`. */
async function seriesOf(client: RunningClient, metric: string): Promise<Record<string, number>> {
  const series = [...(await client.scrape())].filter(([text]) => text.startsWith(`${metric}{`))
  return Object.fromEntries(series.map(([text, value]) => [/peer="([^"]*)"/.exec(text)?.[1] ?? '', value]))
}

describe('the peers of a target', () => {
  let name: HostName
  beforeEach(async () => {
    name = await HostName.create()
    await name.resolvesTo(...HOSTS)
  })
  afterEach(() => name[Symbol.asyncDispose]())

  const start = (url: string, options: string, env: Record<string, string> = {}) =>
    startClient(`${url}?resolve=all&resolve-interval=100ms&interval=20ms&${options}`, { within: name.within, env })

  describe('whose servers echo', () => {
    let port: number
    let servers: ScriptedServer[]
    beforeEach(async () => {
      const first = await ScriptedServer.listen(echo, { port: await freePort() })
      port = first.port
      const others = HOSTS.slice(1).map(host => ScriptedServer.listen(echo, { host, port }))
      servers = [first, ...(await Promise.all(others))]
    })
    afterEach(async () => {
      for (const server of servers) await server[Symbol.asyncDispose]()
    })

    /** @param sessions options of the target */
    async function oneFails(sessions: string): Promise<void> {
      await using client = await start(`echo://${name}:${port}`, `peer-label=address${sessions}`)
      await goodPeers(client, ...HOSTS)
      expect((await client.page('/targets')).status).toBe(200)

      servers[1]?.become(socket => socket.destroy())
      expect(await client.log({ msg: 'outage began' })).toMatchObject({ peer: '127.0.0.2' })
      await until('the peer to fail', async () => (await peersOf(client))['127.0.0.2']?.state === 'failing')
      expect((await client.page('/targets')).status).toBe(503)
      expect(await seriesOf(client, 'tcp_client_peer_up')).toEqual({ '127.0.0.1': 1, '127.0.0.2': 0, '127.0.0.3': 1 })

      servers[1]?.become(echo)
      expect(await client.log({ msg: 'outage over' })).toMatchObject({ peer: '127.0.0.2' })
      await goodPeers(client, ...HOSTS)
      const { '127.0.0.2': failed, ...others } = await peersOf(client)
      expect(failed?.outages).toBe(1)
      expect(failed?.outageMs).toBeGreaterThan(0)
      for (const peer of Object.values(others)) expect(peer).toMatchObject({ failures: 0, outages: 0, outageMs: 0 })
      const outageSeconds = await seriesOf(client, 'tcp_client_peer_outage_seconds_total')
      expect(outageSeconds).toEqual({
        '127.0.0.1': 0,
        '127.0.0.2': expect.closeTo((failed?.outageMs ?? 0) / 1_000, 2),
        '127.0.0.3': 0,
      })

      await name.resolvesTo(...HOSTS.slice(0, 2))
      await goodPeers(client, ...HOSTS.slice(0, 2))
      const series = [...(await client.scrape())]
      expect(series.filter(([text]) => text.includes('127.0.0.3'))).toEqual([])
      const sum = (metric: string) =>
        series.reduce((total, [text, value]) => total + (text.startsWith(`${metric}{`) ? value : 0), 0)
      expect(sum('tcp_client_peer_exchanges_total')).toBeLessThan(sum('tcp_client_exchanges_total'))
      await client.stop()
    }

    testWith('unshare', 'one that fails is one cell; its series end with its address', () => oneFails(''))

    testWith('unshare', 'one that fails for new connections is one cell', () => oneFails('&connections=0&fresh=true'))

    testWith('unshare', 'are those that the identity of the client chooses', async () => {
      await using client = await start(`echo://${name}:${port}`, 'peers=2', { NIHAO_IDENTITY: 'node-7' })
      await goodPeers(client, ...chooseByRendezvous('node-7', HOSTS, 2).sort())
      expect(await client.log({ msg: 'addresses changed' })).toMatchObject({ addresses: 2, of: 3 })
      expect(await seriesOf(client, 'tcp_client_peer_up')).toEqual({})
      await client.stop()
    })

    testWith('unshare', 'are none if the only one is the client itself', async () => {
      await name.resolvesTo('127.0.0.1')
      await using client = await start(`echo://${name}:${port}`, 'skip-self=true')
      await until('the client to be ready', async () => (await client.page('/readyz')).status === 200)
      expect((await client.page('/targets')).status).toBe(200)
      await name.resolvesTo(...HOSTS)
      await goodPeers(client, '127.0.0.2', '127.0.0.3')
      await client.stop()
      expect(servers[0]?.accepted).toBe(0)
    })
  })

  testWith('unshare', 'that are all handed over are replaced by addresses that were not chosen', async () => {
    const port = await freePort()
    const hosts = HOSTS.slice(1)
    const servers = await Promise.all(hosts.map(async host => [host, await startServer(`probe://${host}:${port}`)] as const))
    try {
      await name.resolvesTo(...hosts)
      await using client = await start(`probe://${name}:${port}`, 'peers=1', { NIHAO_IDENTITY: 'me' })
      const [chosen] = chooseByRendezvous('me', hosts, 1)
      await goodPeers(client, chosen ?? '')
      for (const [host, server] of servers) if (host === chosen) server.kill('SIGTERM')
      await client.log({ msg: 'handover', reason: 'drain', peer: chosen })
      const others = hosts.filter(host => host !== chosen)
      await name.resolvesTo(...others)
      await goodPeers(client, ...others)
      const { [`probe://${name}:${port}`]: totals } = await client.stop()
      expect(totals).toMatchObject({ outages: {}, exchangeFailures: {} })
    } finally {
      for (const [, server] of servers) await server[Symbol.asyncDispose]()
    }
  })

  testWith(
    'unshare',
    'have the names of their servers; one with the own name is left out, one that drains is handed over',
    async () => {
      const port = await freePort()
      const servers: Record<string, RunningServer> = {}
      try {
        for (const [index, host] of HOSTS.slice(1).entries()) {
          servers[host] = await startServer(`probe://${host}:${port}`, { env: { NIHAO_IDENTITY: `node-${index + 2}` } })
        }
        await name.resolvesTo('127.0.0.2', '127.0.0.3')
        await using client = await start(`probe://${name}:${port}`, 'skip-self=true&peer-label=server', {
          NIHAO_IDENTITY: 'node-2',
        })
        await goodPeers(client, '127.0.0.3')
        expect(await seriesOf(client, 'tcp_client_peer_up')).toEqual({ 'node-3': 1 })
        await until('the connection to the own server to be closed', async () => {
          const [only, ...others] = await client.connections()
          return only?.server === 'node-3' && others.length === 0
        })

        servers['127.0.0.4'] = await startServer(`probe://127.0.0.4:${port}`, { env: { NIHAO_IDENTITY: 'node-4' } })
        await name.resolvesTo('127.0.0.2', '127.0.0.3', '127.0.0.4')
        await goodPeers(client, '127.0.0.3', '127.0.0.4')
        servers['127.0.0.3']?.kill('SIGTERM')
        expect(await client.log({ msg: 'handover' })).toMatchObject({ reason: 'drain', peer: '127.0.0.3', left: 'node-3' })
        await name.resolvesTo('127.0.0.2', '127.0.0.4')
        await goodPeers(client, '127.0.0.4')
        expect(await seriesOf(client, 'tcp_client_peer_exchange_failures_total')).toEqual({ 'node-4': 0 })
        const { [`probe://${name}:${port}`]: totals } = await client.stop()
        expect(totals).toMatchObject({ outages: {}, exchangeFailures: {}, handovers: 1 })
        expect(client.logged({ msg: 'outage began' })).toEqual([])
      } finally {
        for (const server of Object.values(servers)) await server[Symbol.asyncDispose]()
      }
    },
  )
})
