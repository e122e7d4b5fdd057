import { describe, expect, test } from '@jest/globals'
import { reportLoad } from './support/load.ts'
import { startServer } from './support/server.ts'

describe('load is exact', () => {
  test('--count makes exactly this many exchanges, and the server counts the same', async () => {
    await using server = await startServer('greet://127.0.0.1:0 probe://127.0.0.1:0')
    const targets = [`greet://127.0.0.1:${server.port(0)}`, `probe://127.0.0.1:${server.port(1)}`]
    const { code, report } = await reportLoad(
      '--count',
      '20000',
      '--connections',
      '7',
      '--depth',
      '3',
      '--timeout',
      '30s',
      ...targets,
    )
    expect(code).toBe(0)
    for (const [index, { answered, failed, sentBytes, receivedBytes, latencyMs }] of report.targets.entries()) {
      expect({ answered, failed, measured: latencyMs.fromIntendedStart.count }).toEqual({
        answered: 20_000,
        failed: 0,
        measured: 20_000,
      })
      const labels = { listener: String(server.listening[index]?.listener) }
      // On greet each line is a message, regardless of reads.
      await server.untilMetric('tcp_server_messages_total', 20_000, labels)
      if (index > 0) continue
      expect([sentBytes, receivedBytes]).toEqual([140_000, 320_000])
      await server.untilMetric('tcp_server_received_bytes_total', sentBytes, labels)
      await server.untilMetric('tcp_server_sent_bytes_total', receivedBytes, labels)
    }
  })

  test('--rate and --duration determine the number of exchanges', async () => {
    await using server = await startServer('echo://127.0.0.1:0')
    const target = `echo://127.0.0.1:${server.port()}`
    const flags = ['--rate', '2000', '--duration', '2s', '--connections', '4', '--timeout', '30s']
    const { code, target: figures } = await reportLoad(...flags, target)
    expect(code).toBe(0)
    expect(figures.failed).toBe(0)
    expect(Math.abs(figures.answered - 4_000)).toBeLessThanOrEqual(1)
    expect(figures.scheduleLagMs?.count).toBe(figures.answered)
    expect(figures.elapsedMs).toBeGreaterThanOrEqual(2_000)
    expect(figures.ratePerSecond).toBeCloseTo((figures.answered * 1_000) / figures.elapsedMs, 2)
  })

  test('a short run reports the rate of its schedule, which --min-rate uses', async () => {
    await using server = await startServer('echo://127.0.0.1:0')
    const flags = ['--rate', '2', '--duration', '1s', '--min-rate', '3', '--timeout', '30s']
    const { code, target } = await reportLoad(...flags, `echo://127.0.0.1:${server.port()}`)
    expect(target.answered).toBe(2)
    expect(target.ratePerSecond).toBeLessThanOrEqual(2)
    expect(code).toBe(1)
  })

  test('the warm-up is not counted', async () => {
    await using server = await startServer('echo://127.0.0.1:0')
    const flags = ['--rate', '100', '--warm-up', '1s', '--count', '50', '--timeout', '30s']
    const { code, target } = await reportLoad(...flags, `echo://127.0.0.1:${server.port()}`)
    expect([code, target.answered, target.sentBytes, target.latencyMs.fromSend.count]).toEqual([0, 50, 50 * 7, 50])
    await server.untilMetric('tcp_server_received_bytes_total', (100 + 50) * 7)
  })

  test.each(['greet', 'echo', 'discard', 'probe'])('requests to %s have the requested sizes', async protocol => {
    await using server = await startServer(`${protocol}://127.0.0.1:0`)
    const target = `${protocol}://127.0.0.1:${server.port()}`
    const headerBytes = protocol === 'probe' ? 13 : 0
    const fixed = await reportLoad('--count', '50', '--size', '100KiB', '--timeout', '30s', target)
    expect(fixed.code).toBe(0)
    expect(fixed.target.sentBytes).toBe(50 * (102_400 + headerBytes))
    const varying = await reportLoad('--count', '1000', '--size', '1B..9B', '--depth', '5', '--timeout', '30s', target)
    expect([varying.code, varying.target.answered]).toEqual([0, 1_000])
    // Five bytes on average; the sum of a thousand has a standard deviation of 82.
    expect(Math.abs(varying.target.sentBytes - 1_000 * (5 + headerBytes))).toBeLessThan(500)
  })

  test('chargen returns a line for each exchange', async () => {
    await using server = await startServer('chargen://127.0.0.1:0')
    const { code, target } = await reportLoad(
      '--count',
      '500',
      '--depth',
      '4',
      '--timeout',
      '30s',
      `chargen://127.0.0.1:${server.port()}`,
    )
    expect([code, target.answered, target.failed]).toEqual([0, 500, 0])
    expect(target.receivedBytes).toBeGreaterThanOrEqual(500 * 74)
  })
})
