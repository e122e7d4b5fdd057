import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect } from '@jest/globals'
import { RunningClient } from './support/client.ts'
import { HostName } from './support/host-name.ts'
import { RunningServer } from './support/server.ts'
import { testWith } from './support/tool.ts'

const PORT = 7000
const IN_NAMESPACE = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']

describe('a target with both families, in a network namespace', () => {
  testWith('unshare', 'has figures for each: if IPv6 packets are dropped, those of IPv4 do not change', async () => {
    await using name = await HostName.create()
    await name.resolvesTo('127.0.0.1', '::1')
    await using server = new RunningServer(`probe://[::]:${PORT}`, { within: IN_NAMESPACE })
    await server.log({ msg: 'listening' })
    const enter = ['nsenter', '--target', String(server.pid), '--net']
    // Long enough for a busy machine to answer on time.
    const url = `probe://${name}:${PORT}`
    const target = `${url}?family=both&resolve=all&interval=100ms&timeout=8s`
    await using client = new RunningClient(target, { within: [...enter, ...name.within] })
    await client.started()
    for (const family of [4, 6]) await client.log({ msg: 'first reply', target: `${url}?family=${family}` })

    const rule = (action: string) =>
      promisify(execFile)(enter[0] as string, [...enter.slice(1), 'ip6tables', action, 'INPUT', '-p', 'tcp', '-j', 'DROP'])
    const [four, six] = [`${url}?family=4`, `${url}?family=6`]
    await rule('--append')
    expect(await client.log({ msg: 'outage began', target: six })).toMatchObject({ reason: 'timeout', peer: '::1' })
    await rule('--delete')
    await client.log({ msg: 'outage over', target: six, peer: '::1' })
    const totals = await client.stop()
    expect(totals[four]).toMatchObject({ exchangeFailures: {}, outages: {}, reconnects: {} })
    expect(totals[six]).toMatchObject({
      outages: { timeout: 1 },
      exchangeFailures: { timeout: expect.any(Number) },
    })
  })

  testWith('unshare', 'with one family uses only the addresses of that', async () => {
    await using name = await HostName.create()
    await name.resolvesTo('127.0.0.1', '::1')
    await using server = new RunningServer(`echo://[::]:${PORT}`, { within: IN_NAMESPACE })
    await server.log({ msg: 'listening' })
    const within = ['nsenter', '--target', String(server.pid), '--net', ...name.within]
    const url = `echo://${name}:${PORT}`
    const targets = [`${url}?family=6&name=six`, `${url}?family=4&name=four`, `${url}?family=6&resolve=all&name=all-six`]
    await using client = new RunningClient(targets.join(' '), { within })
    await client.started()
    expect(await client.log({ msg: 'first reply', target: 'six' })).toMatchObject({ remoteAddress: `::1:${PORT}` })
    expect(await client.log({ msg: 'first reply', target: 'four' })).toMatchObject({ remoteAddress: `127.0.0.1:${PORT}` })
    expect(await client.log({ msg: 'addresses changed', target: 'all-six' })).toMatchObject({ found: ['::1'] })
    await client.stop()
  })
})
