import { afterEach, expect, test } from '@jest/globals'
import { until } from '../process/support/until.ts'
import { describeWithDocker } from './docker.ts'
import { type Service, Stage } from './support/service.ts'

interface OpenConnections {
  readonly connections: readonly { readonly remoteAddress: string; readonly answered: number }[]
}

describeWithDocker('servers that share a name', () => {
  const stage = new Stage()
  afterEach(() => stage.remove())

  /** Waits for a session to each, and gives their addresses. */
  async function reached(client: Service, servers: number): Promise<string[]> {
    return until(`sessions to ${servers} servers`, async () => {
      const { connections } = (await (await client.get('/connections')).json()) as OpenConnections
      const answering = connections.filter(({ answered }) => answered > 0).map(({ remoteAddress }) => remoteAddress)
      return connections.length === servers && new Set(answering).size === servers && answering
    })
  }

  test('have one session each, as addresses appear and disappear', async () => {
    await stage.server()
    await stage.server()
    const client = await stage.client('greet://server:1234?interval=100ms&resolve=all&resolve-interval=500ms&timeout=1m')
    const before = await reached(client, 2)

    const third = await stage.server({ NIHAO_DRAIN_DELAY: '0s' })
    await reached(client, 3)
    await third.stop()
    await until('its address to be gone', () =>
      client.lines('addresses changed').some(({ gone }) => (gone as string[]).length > 0),
    )
    expect((await reached(client, 2)).sort()).toEqual(before.sort())

    // A name may have an address before its server listens, and after. The other sessions have seen nothing of it.
    for (const { server } of client.lines('outage began')) expect(before).not.toContain(server)
    await client.untilMetric('tcp_client_connections_active', 2)
    expect(await client.stop()).toBe(0)
  })
})
