import { Service } from './service.ts'
import { DEADLINE_MS, untilEqual } from './until.ts'

/** A service with an admin endpoint. */
export class AdministeredService extends Service {
  adminPort = Number.NaN

  /** Waits until the admin endpoint answers; fails if the service exits first. */
  async started(): Promise<this> {
    try {
      this.adminPort = Number((await this.log({ msg: 'admin listening' })).port)
      return this
    } catch (error) {
      await this[Symbol.asyncDispose]()
      throw error
    }
  }

  async page(path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
    // A service that hangs must not make the test hang.
    const signal = AbortSignal.timeout(DEADLINE_MS)
    // A connection for each request: an idle one may be closed by the service just when the next request is sent.
    const headers = { connection: 'close', ...init.headers }
    const response = await fetch(`http://127.0.0.1:${this.adminPort}${path}`, { signal, ...init, headers })
    // A service that did not run for two seconds takes the request for one that did not arrive.
    if (response.status === 408) return this.page(path, init)
    return { status: response.status, text: await response.text() }
  }

  /** All series by their text form: `name{label="value"}`. */
  async scrape(): Promise<Map<string, number>> {
    const { text } = await this.page('/metrics')
    const samples = text.matchAll(/^([a-z_]+(?:\{.*\})?) (\S+)$/gm)
    return new Map([...samples].map(([, series = '', value]) => [series, Number(value === '+Inf' ? Infinity : value)]))
  }

  /** The sum of the series of this name that have all these labels. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    const series = [...(await this.scrape())].filter(
      ([text]) => text.split('{')[0] === name && wanted.every(label => text.includes(label)),
    )
    if (series.length === 0) throw new Error(`there is no series ${name} ${wanted}`)
    return series.reduce((sum, [, value]) => sum + value, 0)
  }

  /** Waits until a metric has this value. */
  async untilMetric(name: string, expected: number, labels: Readonly<Record<string, string>> = {}, timeoutMs?: number) {
    await untilEqual(`${name} ${JSON.stringify(labels)}`, expected, () => this.metric(name, labels), timeoutMs)
  }
}
