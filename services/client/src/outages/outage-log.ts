import type { Connection } from '../connect/connection.ts'
import type { Failure, FailureReason } from '../failure.ts'
import type { SessionLog } from '../modes/probe/session-log.ts'
import type { OutageReport } from './outage-report.ts'

export function logBegan(log: SessionLog, { reason, error }: Failure, last: Connection | undefined): void {
  const details = { server: last?.peerName, error }
  log.add({ level: 'warn', message: 'outage began', messageOfMany: 'outages began', kind: { reason }, details })
}

export function logReport(log: SessionLog, { reason, side, evidence, over, ...report }: OutageReport): void {
  const { durationMs, atMostMs, lostExchanges, left, found } = report
  log.add({
    ...(over
      ? { level: 'info', message: 'outage over', messageOfMany: 'outages over' }
      : { level: 'warn', message: 'outage not over', messageOfMany: 'outages not over' }),
    kind: { reason, side, evidence },
    durationMs: Math.round(durationMs),
    counts: { lostExchanges },
    details: { atMostMs: Math.round(atMostMs), left, found },
  })
}

export function logReconnected(log: SessionLog, reason: FailureReason, { peerName }: Connection): void {
  const details = { found: peerName }
  log.add({ level: 'info', message: 'reconnected', messageOfMany: 'reconnected', kind: { reason }, details })
}

/** What `/targets` shows of an outage that is over. */
export function summaryOf({ reason, side, evidence, durationMs, atMostMs, lostExchanges }: OutageReport): object {
  return { reason, side, evidence, durationMs: Math.round(durationMs), atMostMs: Math.round(atMostMs), lostExchanges }
}
