import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { hastened } from '../monitoring/rules.ts'
import { until } from '../process/support/until.ts'
import type { Container, Laboratory } from './laboratory.ts'

export const IMAGE = 'prom/prometheus:v2.53.3'

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

interface Series {
  readonly values: readonly unknown[]
}

/** A Prometheus with the rules as shipped, only faster. */
export class Prometheus implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'nihao-alerts-'))
  #address = ''
  #container: Container | undefined

  /**
   * @param scrapeConfigs as in Prometheus's configuration
   * @param networks those of the targets
   */
  async start(
    laboratory: Laboratory,
    divisor: number,
    scrapeConfigs: readonly object[],
    networks: readonly string[],
  ): Promise<void> {
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.yml'],
      scrape_configs: scrapeConfigs,
    }
    writeFileSync(join(this.#folder, 'prometheus.yml'), stringify(config))
    writeFileSync(join(this.#folder, 'rules.yml'), stringify(hastened(divisor)))
    // The user of the image is not the one that runs the tests.
    chmodSync(this.#folder, 0o755)
    this.#container = await laboratory.start('prometheus', IMAGE, {
      options: ['--volume', `${this.#folder}:/etc/prometheus:ro`, '--publish', '127.0.0.1::9090'],
      networks,
    })
    this.#address = await this.#container.do('port').then(ports => ports.split('-> ')[1] ?? '')
    await until('Prometheus', () =>
      fetch(`http://${this.#address}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    )
  }

  /** Data of its HTTP API. */
  async api<Data>(path: string): Promise<Data> {
    const response = await fetch(`http://${this.#address}/api/v1/${path}`)
    const { status, error, data } = (await response.json()) as { status: string; error?: string; data: Data }
    if (status !== 'success') throw new Error(`${path}: ${error}`)
    return data
  }

  async query(expression: string): Promise<readonly Sample[]> {
    return (await this.api<{ result: Sample[] }>(`query?query=${encodeURIComponent(expression)}`)).result
  }

  /** How many series and samples a panel gets that shows the last minute. */
  async count(expression: string): Promise<{ series: number; samples: number }> {
    const end = Date.now() / 1_000
    const range = `start=${end - 60}&end=${end}&step=5`
    const { result } = await this.api<{ result: Series[] }>(`query_range?query=${encodeURIComponent(expression)}&${range}`)
    return { series: result.length, samples: result.reduce((sum, { values }) => sum + values.length, 0) }
  }

  /** The alerts that have fired so far, by job. */
  async fired(): Promise<Map<string, string[]>> {
    const fired = new Map<string, string[]>()
    const samples = await this.query('count by (job, alertname) (last_over_time(ALERTS{alertstate="firing"}[1h]))')
    for (const { metric } of samples) {
      const { job = '', alertname = '' } = metric
      fired.set(job, [...(fired.get(job) ?? []), alertname].sort())
    }
    return fired
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
