import { type ConnectionTotals, connectionStates, type EndedConnection } from '../protocol.ts'
import type { Message } from './message.ts'

const ENDED_FIELDS: Readonly<Record<string, 'string' | 'boolean' | 'number'>> = {
  reason: 'string',
  resetSeen: 'boolean',
  finSeen: 'boolean',
  pings: 'number',
  receivedBytes: 'number',
  sentBytes: 'number',
  agoMs: 'number',
}

/**
 * Decodes ENDED. A state of a later release becomes `unknown`; fields of the wrong type are dropped.
 * @throws {ProtocolError} without a state
 */
export function decodeEnded(message: Message): EndedConnection {
  const text = message.text('state')
  const state = connectionStates.find(known => known === text) ?? 'unknown'
  const names = Object.keys(ENDED_FIELDS).filter(name => typeof message.fields[name] === ENDED_FIELDS[name])
  return {
    ...Object.fromEntries(names.map(name => [name, name === 'reason' ? message.text(name) : message.fields[name]])),
    state,
  }
}

/**
 * Decodes SUMMARY.
 * @throws {ProtocolError} if a counter is absent
 */
export function decodeTotals(message: Message): ConnectionTotals {
  return {
    pings: message.number('pings'),
    receivedBytes: message.number('receivedBytes'),
    sentBytes: message.number('sentBytes'),
    corrupt: message.number('corrupt'),
  }
}
