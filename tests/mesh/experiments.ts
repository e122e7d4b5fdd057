// Not the strict ones: jest gives each test file prototypes of its own.
import assert from 'node:assert'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../process/support/until.ts'
import type { Member, Mesh } from './mesh.ts'

const linkOf = (connection: string) => connection.split(' ').slice(0, 2).join(' ')

/**
 * Cuts one link: exactly its cell fails, for the client and for the server, and it is good again when the cut is over.
 * @returns after how many ms the cell failed
 */
export async function cutOneLink(mesh: Mesh, clientNode: string, serverNode: string, intervalMs: number): Promise<number> {
  const [client, server] = [mesh.clients.get(clientNode), mesh.servers.get(serverNode)] as [Member, Member]
  const link = `${clientNode} ${serverNode}`
  await mesh.cut(client, server)
  const cutMs = performance.now()
  await until(`${link} to fail`, async () => (await mesh.failing()).length > 0)
  const failedAfterMs = performance.now() - cutMs
  // By now, the server has read what arrived before the cut.
  const before = await mesh.messages()

  // One more round of every other link.
  await delay(2 * intervalMs)
  assert.deepEqual(await mesh.failing(), [link])
  const up = (await mesh.seriesOf(client)).filter(series => series.startsWith('tcp_client_peer_up'))
  assert.deepEqual(
    up.filter(series => series.endsWith(' 0')).map(series => /peer="(.*?)"/.exec(series)?.[1]),
    [server.address],
  )
  await until('all other connections of the servers to receive messages', async () => {
    const after = await mesh.messages()
    const silent = [...before].filter(([connection, messages]) => after.get(connection) === messages)
    assert.ok(
      silent.some(([connection]) => linkOf(connection) === link),
      'the server receives messages over the link',
    )
    return silent.every(([connection]) => linkOf(connection) === link)
  })

  await mesh.heal(client, server)
  await mesh.untilGood()
  for (const other of mesh.clients.values()) {
    const peers = await mesh.peersOf(other)
    const hit = peers.filter(({ outages }) => outages > 0).map(peer => `${other.node} ${peer.server}`)
    assert.deepEqual(hit, other === client ? [link] : [])
  }
  // Docker writes the log a little later.
  const began = await until('the log of the outage', async () => (await mesh.logged(client, 'outage began'))[0])
  assert.equal(began.peer, server.address)
  return failedAfterMs
}

/** Replaces all servers one by one: no client has an outage or a failed exchange, and no series of an old server is left. */
export async function replaceAllServers(mesh: Mesh): Promise<void> {
  const clients = [...mesh.clients.values()]
  const outagesBefore = await outagesOf(mesh, clients)
  for (const node of [...mesh.servers.keys()]) await mesh.replaceServer(node)
  await mesh.untilGood()
  assert.deepEqual(await outagesOf(mesh, clients), outagesBefore)
  const current = [...mesh.servers.values()].map(({ address }) => address)
  for (const client of clients) {
    const others = current.filter(address => address !== mesh.servers.get(client.node)?.address)
    await until(`${client.node} to have series of the current servers only`, async () => {
      const labels = (await mesh.seriesOf(client)).flatMap(series => /peer="(.*?)"/.exec(series)?.[1] ?? [])
      return [...new Set(labels)].sort().join() === others.toSorted().join()
    })
  }
}

/** Outages and failed exchanges, by node. */
async function outagesOf(mesh: Mesh, clients: readonly Member[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const client of clients) {
    const series = await mesh.seriesOf(client)
    const failures = series.filter(line => /^tcp_client_(outages|exchange_failures)_total/.test(line))
    counts[client.node] = failures.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  }
  return counts
}
