import { expect, test } from '@jest/globals'
import manifest from '../../package.json' with { type: 'json' }
import { experiment, jobOf } from '../alerts/experiment.ts'
import { faults } from '../alerts/faults.ts'
import type { Prometheus } from '../alerts/prometheus.ts'
import { filledIn, queries } from '../monitoring/dashboard.ts'
import { until } from '../process/support/until.ts'
import { describeWithDocker } from './docker.ts'

/** An hour in 15 s. */
const DIVISOR = 240

/** They depend on how busy the machine is that runs the tests. */
const OF_THIS_MACHINE = ['NihaoLatencyHigh', 'NihaoProberLags', 'NihaoRetransmissions']

/** Panels that are empty while nothing is wrong, and why. */
const emptyInHealth: Record<string, string> = {
  'Outages by reason A': 'no outages',
  'Failures by reason A': 'no failures',
  'Failed connection attempts A': 'no failures',
  'Reconnects and handovers A': 'no reconnects',
  'Rejections A': 'no rejections',
  'Rejections B': 'no TLS',
  'Closed connections A': 'no connection has ended',
}

const image = (service: string) => `nihao-${service}:${manifest.version}`

describeWithDocker('Prometheus with the rules as shipped, only faster', () => {
  test('each fault fires its alerts and no others; every query of the dashboard returns something, or nothing for a reason', async () => {
    let empty = queries.filter(({ panel, refId }) => !(`${panel} ${refId}` in emptyInHealth))
    const healthy = async (prometheus: Prometheus) => {
      // After a scrape that took too long, there is nothing until the next one.
      const complete = async () => {
        const results = await Promise.all(empty.map(({ expr }) => prometheus.query(filledIn(expr, jobOf({ name: 'health' })))))
        empty = empty.filter((_, index) => results[index]?.length === 0)
        return empty.length === 0
      }
      await until('results of all queries', complete).catch(() => {})
    }
    const texts: string[] = []
    const finished = async (prometheus: Prometheus) => {
      const { alerts } = await prometheus.api<{ alerts: { annotations: Record<string, string> }[] }>('alerts')
      texts.push(...alerts.flatMap(({ annotations }) => Object.values(annotations)))
    }

    // No exchange of a healthy pair is late, however busy the machine is.
    const quick = faults.filter(fault => fault.quick).map(fault => ({ ...fault, client: { NIHAO_TIMEOUT: '5s' } }))
    const images = { server: image('server'), client: image('client') }
    const outcomes = await experiment(quick, { images, divisor: DIVISOR, ignored: OF_THIS_MACHINE, healthy, finished })
    expect(outcomes.map(({ fault, fired }) => [fault.name, fired])).toEqual(quick.map(({ name, alerts }) => [name, alerts]))
    expect(empty.map(({ panel, refId }) => `${panel} ${refId}`)).toEqual([])
    expect(texts.filter(text => /error expanding|<no value>|<error/.test(text))).toEqual([])
    expect(texts).not.toEqual([])
  }, 600_000)
})
