import { describe, expect, test } from '@jest/globals'
import { Registry } from 'prom-client'
import { createLogger } from './logger.ts'
import { createRegistry, ScrapedMetrics } from './metrics.ts'

interface Shop {
  readonly name: string
  readonly sold: number
  readonly limit: number
  readonly returned: Record<'broken' | 'ugly', number>
}

const shop = (name: string, sold: number, limit: number): Shop => ({ name, sold, limit, returned: { broken: 1, ugly: 0 } })

async function samples(registry: Registry): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
}

describe('metrics of things that keep their own counters', () => {
  test('show the current counters at each scrape, every reason from the start', async () => {
    const registry = new Registry()
    const shops = [shop('north', 3, 10), shop('south', 0, 20)]
    const metrics = new ScrapedMetrics(registry, 'shop', shops, ({ name }) => name)
    metrics.counter('sold_total', 'Sold.', ({ sold }) => sold)
    metrics.gauge('limit', 'At most.', ({ limit }) => limit)
    metrics.counterByReason('returned_total', 'Returned.', ({ returned }) => returned)
    const expected = (northSold: number) => [
      `sold_total{shop="north"} ${northSold}`,
      'sold_total{shop="south"} 0',
      'limit{shop="north"} 10',
      'limit{shop="south"} 20',
      'returned_total{shop="north",reason="broken"} 1',
      'returned_total{shop="north",reason="ugly"} 0',
      'returned_total{shop="south",reason="broken"} 1',
      'returned_total{shop="south",reason="ugly"} 0',
    ]
    expect(await samples(registry)).toEqual(expected(3))
    expect(await samples(registry)).toEqual(expected(3))
    shops[0] = shop('north', 4, 10)
    expect(await samples(registry)).toEqual(expected(4))
  })

  test('are never summed: two things with one name fail the scrape', async () => {
    const registry = new Registry()
    const metrics = new ScrapedMetrics(registry, 'shop', [shop('north', 3, 1), shop('north', 4, 1)], ({ name }) => name)
    metrics.gauge('limit', 'At most.', ({ limit }) => limit)
    await expect(registry.metrics()).rejects.toThrow('duplicate metric label shop="north"')
  })

  test('without a limit show +Inf', async () => {
    const registry = new Registry()
    const metrics = new ScrapedMetrics(registry, 'shop', [shop('north', 0, Number.POSITIVE_INFINITY)], ({ name }) => name)
    metrics.gauge('limit', 'At most.', ({ limit }) => limit)
    expect(await samples(registry)).toEqual(['limit{shop="north"} +Inf'])
  })
})

test('the registry of a service describes the build, the log and the process', async () => {
  const text = await createRegistry('nihao-test', '1.2.3', createLogger('nihao-test', 'silent')).metrics()
  expect(text).toContain(`nihao_build_info{service="nihao-test",version="1.2.3",node="${process.versions.node}"} 1`)
  expect(text).toContain('nihao_log_lines_dropped_total 0')
  expect(text).toMatch(/^process_resident_memory_bytes \d/m)
  expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m)
  expect(text).toMatch(/^process_open_fds [1-9]\d*$/m)
})
