import { describe, expect, test } from '@jest/globals'
import { Rejected, WrongReply } from '@nihao/wire'
import { describeFailure, type FailureReason } from './failure.ts'

const words: [code: string, reason: FailureReason][] = [
  ['ENOTFOUND', 'dns'],
  ['EAI_AGAIN', 'dns'],
  ['EAI_FAIL', 'dns'],
  ['EAI_NODATA', 'dns'],
  ['ECONNREFUSED', 'refused'],
  ['ENOENT', 'refused'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['ENETDOWN', 'unreachable'],
  ['ETIMEDOUT', 'timeout'],
  ['ECONNRESET', 'reset'],
  ['EPIPE', 'reset'],
  ['EADDRNOTAVAIL', 'no_ports'],
  ['EMFILE', 'no_files'],
  ['ENFILE', 'no_files'],
  ['EACCES', 'other'],
]

describe('a failure', () => {
  test.each(words)('with code %s is %s, and keeps its error', (code, reason) => {
    const error = Object.assign(new Error('said by the system'), { code })
    expect(describeFailure(error)).toEqual({ reason, error })
  })

  test.each([
    ['a programming error', new TypeError('x is not a function')],
    ['an error without a code', new Error('?')],
    ['a stream that was used after its end', Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' })],
    ['an aborted signal', AbortSignal.abort().reason],
  ])('is not %s: that is thrown', (_, error) => {
    expect(() => describeFailure(error)).toThrow(error)
  })

  test('has a printable message, even with text from a server', () => {
    const { error } = describeFailure(new Rejected('\u001b[2J\nfull\u202e'))
    expect(error?.message).toBe('\\u{1b}[2J\\u{a}full\\u{202e}')
  })

  test('of several addresses has the reason of the first one', () => {
    const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    expect(describeFailure(Object.assign(new AggregateError([refused]), { code: refused.code })).reason).toBe('refused')
  })

  test('of the received bytes is a mismatch', () => {
    const error = new WrongReply(Buffer.from('a'), Buffer.from('b'))
    expect(describeFailure(error)).toEqual({ reason: 'mismatch', error })
  })
})
