import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { cases } from '../faults/cases.ts'
import { type Experiment, experiment } from '../faults/experiment.ts'
import { removeAbandonedNetworks } from '../faults/network.ts'
import { missingTools } from '../faults/tools.ts'
import { note } from './support/figures.ts'

/** One case of each kind of evidence; `npm run test:faults` has all. */
const CHOSEN = ['server killed and restarted', 'DROP in both directions', 'idle FIN of the server', 'client out of ports']

const made = new Map<string, Promise<Experiment>>()

beforeAll(async () => {
  if ((await missingTools()).length > 0) return
  await removeAbandonedNetworks()
  for (const fault of cases) if (CHOSEN.includes(fault.name)) made.set(fault.name, experiment(fault, 'probe'))
})
afterAll(() => Promise.allSettled(made.values()))

test.each(CHOSEN)(
  '%s: the side and the length are right, or not known',
  async name => {
    const result = await made.get(name)
    if (result === undefined) {
      if (process.env.REQUIRE_PEERS === '1') throw new Error((await missingTools()).join(', '))
      return
    }
    const { outcome, truth, verdict } = result
    note(`${verdict}; truth ${JSON.stringify(truth)}, told ${JSON.stringify(outcome.outages)}`)
    // STARVED: the machine is too busy to know what is right.
    expect(['right', 'unknown', 'STARVED']).toContain(verdict)
  },
  240_000,
)
