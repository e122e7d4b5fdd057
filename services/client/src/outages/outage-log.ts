import type { Connection } from '../connect/connection.ts'
import type { Failure, FailureReason } from '../failure.ts'
import type { SessionLog } from '../modes/probe/session-log.ts'
import type { Attribution } from './evidence.ts'
import { type Outage, timesOf } from './outage.ts'

export function logBegan(log: SessionLog, { reason, error }: Failure, last: Connection | undefined): void {
  const details = { server: last?.peerName, error }
  log.add({ level: 'warn', message: 'outage began', messageOfMany: 'outages began', kind: { reason }, details })
}

/** @param left the last connection that worked before */
export function logOver(
  log: SessionLog,
  outage: Outage,
  attribution: Attribution,
  endMs: number,
  left: Connection | undefined,
  found: Connection,
): void {
  const { atMostMs, ...event } = describe(outage, attribution, endMs)
  const details = { atMostMs, left: left?.peerName, found: found.peerName }
  log.add({ level: 'info', message: 'outage over', messageOfMany: 'outages over', ...event, details })
}

/** Of an outage whose end the client will not see. */
export function logNotOver(
  log: SessionLog,
  outage: Outage,
  attribution: Attribution,
  nowMs: number,
  left: Connection | undefined,
): void {
  const { atMostMs, ...event } = describe(outage, attribution, nowMs)
  const details = { atMostMs, left: left?.peerName }
  log.add({ level: 'warn', message: 'outage not over', messageOfMany: 'outages not over', ...event, details })
}

export function logReconnected(log: SessionLog, reason: FailureReason, { peerName }: Connection): void {
  const details = { found: peerName }
  log.add({ level: 'info', message: 'reconnected', messageOfMany: 'reconnected', kind: { reason }, details })
}

/** What `/targets` shows of an outage that is over. */
export function summaryOf(outage: Outage, attribution: Attribution, endMs: number): object {
  const { kind, counts, durationMs, atMostMs } = describe(outage, attribution, endMs)
  return { ...kind, durationMs, atMostMs, ...counts }
}

function describe(outage: Outage, { side, evidence }: Attribution, endMs: number) {
  const { durationMs, atMostMs } = timesOf(outage, endMs)
  return {
    kind: { reason: outage.failure.reason, side, evidence },
    durationMs: Math.round(durationMs),
    atMostMs: Math.round(atMostMs),
    counts: { lostExchanges: outage.lostExchanges },
  }
}
