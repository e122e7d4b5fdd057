import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, test } from '@jest/globals'
import schema from '../../docs/load-report.schema.json' with { type: 'json' }
import { schemaErrors } from './support/json-schema.ts'
import { parseReport, RunningLoad, reportLoad } from './support/load.ts'
import { echo, freePort, ScriptedServer } from './support/scripted-server.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

/** The number of worker threads of a process: Node names them. */
async function workersOf(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`)
  const names = await Promise.all(threads.map(thread => readFile(`/proc/${pid}/task/${thread}/comm`, 'utf8')))
  return names.filter(name => name === 'WorkerThread\n').length
}

describe('a load on several threads', () => {
  test('makes exactly the exchanges of one thread, and the server counts the same', async () => {
    await using server = await startServer('greet://127.0.0.1:0 probe://127.0.0.1:0')
    const targets = [`greet://127.0.0.1:${server.port(0)}`, `probe://127.0.0.1:${server.port(1)}?connections=1`]
    const flags = ['--threads', '3', '--connections', '7', '--depth', '2', '--count', '5001', '--timeout', '30s']
    const { code, report } = await reportLoad(...flags, ...targets)
    expect([code, report.client?.threads, schemaErrors(schema, report)]).toEqual([0, 3, []])
    for (const [index, { answered, failed, sentBytes, receivedBytes, latencyMs, connections }] of report.targets.entries()) {
      const opened = [7, 1][index]
      expect({ answered, failed, measured: latencyMs.fromSend.count }).toEqual({ answered: 5_001, failed: 0, measured: 5_001 })
      expect(connections).toMatchObject({ attempts: opened, closed: { finished: opened } })
      const labels = { listener: String(server.listening[index]?.listener) }
      await server.untilMetric('tcp_server_messages_total', 5_001, labels)
      await server.untilMetric('tcp_server_connections_closed_total', Number(opened), labels)
      if (index > 0) {
        // One connection, which one thread has.
        expect(connections).toMatchObject({ comparisons: { equal: 1, different: 0 }, serversSeen: 1 })
        continue
      }
      await server.untilMetric('tcp_server_received_bytes_total', sentBytes, labels)
      await server.untilMetric('tcp_server_sent_bytes_total', receivedBytes, labels)
    }
  })

  test('has the rate of one thread, even if it cannot be divided', async () => {
    await using server = await startServer('echo://127.0.0.1:0')
    const flags = ['--threads', '2', '--connections', '3', '--rate', '37', '--duration', '2s', '--timeout', '30s']
    const { code, target, report } = await reportLoad(...flags, `echo://127.0.0.1:${server.port()}`)
    expect([code, target.answered, target.scheduleLagMs?.count]).toEqual([0, 74, 74])
    expect(target.elapsedMs).toBeGreaterThanOrEqual(2_000)
    expect(report.targets[0]).toMatchObject({ settings: { connections: 3, rate: 37 } })
  })

  test('reports the rate of the schedule of all threads', async () => {
    await using server = await startServer('echo://127.0.0.1:0')
    // The only exchange starts at once, and the next one of its thread would after 8 s, but that of another thread after 1 s.
    const flags = ['--threads', '8', '--connections', '8', '--rate', '1', '--count', '1', '--timeout', '30s']
    const { target } = await reportLoad(...flags, `echo://127.0.0.1:${server.port()}`)
    expect(target.answered).toBe(1)
    expect(target.elapsedMs).toBeGreaterThanOrEqual(1_000)
    expect(target.elapsedMs).toBeLessThan(8_000)
  })

  test('compares the figures of all threads with its thresholds', async () => {
    await using slow = await ScriptedServer.listen(socket => {
      // The connections of one thread of two take longer.
      const delayMs = slow.accepted % 2 === 0 ? 3_000 : 0
      socket.on('data', chunk => setTimeout(() => socket.write(chunk), delayMs))
      socket.on('end', () => socket.end())
    })
    const flags = ['--threads', '2', '--connections', '2', '--count', '2', '--max-p99', '500ms', '--max-failures', '0']
    const { code, report, target } = await reportLoad(...flags, `echo://127.0.0.1:${slow.port}`)
    expect([code, target.answered]).toEqual([1, 2])
    expect(report.thresholds).toMatchObject([
      { name: 'maxP99', met: false },
      { name: 'maxFailures', met: true },
    ])
    // Timers may fire a millisecond early.
    expect(target.latencyMs.fromIntendedStart.percentiles.p99).toBeGreaterThanOrEqual(2_990)
    expect(target.latencyMs.fromIntendedStart.percentiles.p50).toBeLessThan(2_990)
  })

  test('is connected if one thread is', async () => {
    await using server = await startServer('echo://127.0.0.1:0?max-connections=1')
    const flags = [
      '--threads',
      '2',
      '--connections',
      '2',
      '--count',
      '20',
      '--backoff',
      '1ms',
      '--backoff-max',
      '1ms',
      '--max-failures',
      '20',
    ]
    const { target } = await reportLoad(...flags, `echo://127.0.0.1:${server.port()}`)
    expect([target.notConnected, target.answered + target.failed]).toEqual([null, 20])
    expect(target.answered).toBeGreaterThanOrEqual(10)
    const refused = await reportLoad('--threads', '2', '--connections', '2', `echo://127.0.0.1:${await freePort()}`)
    expect([refused.code, refused.target.notConnected]).toMatchObject([3, { reason: 'refused' }])
  })

  test('is ended early by SIGINT with the report of what was done, after a clean close', async () => {
    await using server = await startServer('echo://127.0.0.1:0')
    const flags = ['--threads', '2', '--connections', '4', '--duration', '1m', '--report', 'json']
    await using load = new RunningLoad([...flags, `echo://127.0.0.1:${server.port()}`])
    await until('exchanges', async () => (await server.metric('tcp_server_messages_total')) > 100)
    load.kill('SIGINT')
    const result = await load.result()
    const { report, target } = parseReport(result)
    expect([result.code, report.interrupted, report.exitCode]).toEqual([130, 'SIGINT', 130])
    expect([target.failed, target.connections.closed]).toEqual([0, { finished: 4 }])
    await server.untilMetric('tcp_server_received_bytes_total', target.sentBytes)
    await server.untilMetric('tcp_server_sent_bytes_total', target.receivedBytes)
  })

  test('does not start more threads than there are connections', async () => {
    await using own = await ScriptedServer.listen(echo)
    const workers = async (count: string, connections: string) => {
      const flags = ['--threads', count, '--connections', connections, '--duration', '1m']
      await using load = new RunningLoad([...flags, `echo://127.0.0.1:${own.port}`])
      const before = own.accepted
      await until('its connections', () => own.accepted === before + Number(connections))
      return await workersOf(load.pid)
    }
    // A single thread is the main one.
    expect([await workers('1', '1'), await workers('8', '8'), await workers('8', '1')]).toEqual([0, 8, 0])
  })
})
