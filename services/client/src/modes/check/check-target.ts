import { type Logger, printable } from '@nihao/service'
import type { ProtocolName } from '@nihao/wire'
import type { Connector, Phase } from '../../connect/connector.ts'
import type { Instruments } from '../../outages/facts.ts'
import type { CheckValues, TargetConfig } from '../../settings.ts'
import { Target } from '../../target.ts'

/** A target, whose checks run one after the other. */
export interface CheckTarget {
  readonly label: string
  readonly protocol: ProtocolName
  readonly values: CheckValues
  readonly connector: Connector
  readonly logger: Logger
  readonly instruments: Instruments
  /** Duration of each phase of the last connection, ms. */
  readonly phasesMs: Partial<Record<Phase, number>>
}

/** @throws {CredentialsError} */
export function newCheckTarget(config: TargetConfig<CheckValues>, instruments: Instruments, logger: Logger): CheckTarget {
  const phasesMs: Partial<Record<Phase, number>> = {}
  const ignore = () => {}
  const observer = {
    phase: (phase: Phase, durationMs: number) => {
      phasesMs[phase] = durationMs
    },
    exchange: ignore,
    roundTrip: ignore,
    scheduleLag: ignore,
    outage: ignore,
  }
  const { label, connector, logger: targetLogger } = new Target(config, () => observer, logger)
  const { values, endpoint } = config
  return { label: printable(label), protocol: endpoint.protocol, values, connector, logger: targetLogger, instruments, phasesMs }
}
