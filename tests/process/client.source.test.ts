import { expect, test } from '@jest/globals'
import { startClient } from './support/client.ts'
import { relayFrom } from './support/relay.ts'
import { startServer } from './support/server.ts'

const TRANSLATED = 'tcp_client_source_translated'
const UNEXPECTED = 'tcp_client_unexpected_sources_total'

test('a source address that is translated is a metric; one that is not expected is counted and logged', async () => {
  await using server = await startServer('probe://127.0.0.1:0 echo://127.0.0.1:0')
  await using relay = await relayFrom('127.0.0.5', server.port(0))
  const targets = [
    `probe://127.0.0.1:${server.port(0)}?name=direct&expect-source=kept`,
    `probe://127.0.0.1:${relay.port}?name=relayed&expect-source=kept`,
    `probe://127.0.0.1:${relay.port}?name=allowed&expect-source=translated`,
    `echo://127.0.0.1:${server.port(1)}?name=silent&expect-source=kept`,
  ]
  await using client = await startClient(targets.join(' '))
  for (const target of ['direct', 'relayed', 'allowed', 'silent']) await client.log({ msg: 'first reply', target })

  await client.untilMetric(TRANSLATED, 0, { target: 'direct' })
  await client.untilMetric(TRANSLATED, 1, { target: 'relayed' })
  await client.untilMetric(TRANSLATED, 1, { target: 'allowed' })
  await expect(client.metric(TRANSLATED, { target: 'silent' })).rejects.toThrow('there is no series')
  expect(client.logged({ msg: 'unexpected source address' })).toMatchObject([
    { target: 'relayed', expected: 'kept', own: '127.0.0.1', seen: '127.0.0.5' },
  ])
  expect(await client.metric(UNEXPECTED, { target: 'relayed' })).toBe(1)
  expect(await client.metric(UNEXPECTED)).toBe(1)
  await client.stop()
})
