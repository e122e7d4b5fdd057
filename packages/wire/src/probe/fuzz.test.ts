import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from '@jest/globals'
import { ProtocolError, Rejected, WrongReply } from '../errors.ts'
import type { Bytes, ClientCodec, ServerCodec } from '../protocol.ts'
import { probe } from '../protocols/probe.ts'
import { encodeFrame, FrameType, TIMES_BYTES } from './frame.ts'

type Types = typeof TYPES_TO_SERVER | typeof TYPES_TO_CLIENT

/** A repeatable source of numbers: the same seed gives the same run. */
class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) | 0
    return Math.floor(((this.#state >>> 0) / 2 ** 32) * limit)
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }

  pick<Value>(values: readonly [Value, ...Value[]]): Value {
    return values[this.below(values.length)] ?? values[0]
  }
}

const MAX_MESSAGE = 8_192
const options = { greeting: '', banner: false, message: 'fuzz', maxMessage: MAX_MESSAGE }
const info = { server: 's', release: '1', listener: 'l', address: 'a', peer: 'p', connections: 1, limit: null }
const LENGTHS = [
  0,
  8,
  9,
  10,
  28,
  29,
  MAX_MESSAGE + 9,
  MAX_MESSAGE + 10,
  MAX_MESSAGE + 29,
  0x7fffffff,
  0x80000000,
  0xffffffff,
] as const
/** The types of frames sent to a server and to a client, those most often after which a connection goes on. */
const TYPES_TO_SERVER = [2, 2, 2, 2, 2, 2, 8, 8, 6, 3] as const
const TYPES_TO_CLIENT = [3, 3, 3, 3, 4, 4, 9, 9, 7, 1, 5, 2] as const

/** The bytes of some frames, intact or with changed, truncated or overwritten parts. */
function someInput(random: Random, types: Types): Buffer {
  const kind = random.below(10)
  if (kind === 0) return random.bytes(random.below(200))
  const frames = Array.from({ length: 1 + random.below(6) }, () => someFrame(random, types))
  const input = Buffer.concat(frames)
  if (kind < 4) return input
  for (let changes = random.below(4); changes >= 0; changes--) {
    const at = random.below(input.length)
    const change = random.below(4)
    if (change === 0) input[at] = (input[at] ?? 0) ^ (1 << random.below(8))
    else if (change === 1) input[at] = random.below(256)
    else if (change === 2) input.copy(input, at, random.below(input.length))
    else if (input.length >= 4) input.writeUInt32BE(random.pick(LENGTHS), Math.min(at, input.length - 4))
  }
  return kind === 9 ? input.subarray(0, random.below(input.length)) : input
}

function someFrame(random: Random, types: Types): Buffer {
  const type = random.below(20) === 0 ? random.below(256) : random.pick(types)
  const length = random.pick([0, 1, 4, 32, 32, 32, 1_023, 1_024, 1_025, MAX_MESSAGE] as const)
  const json = [
    '{"version":1,"server":"s"}',
    '{"version":2}',
    '{}',
    'null',
    'fuzz',
    'fuzz',
    '[]',
    '1',
    ...Array.from({ length: 5 }, () => '{"reason":"drain","graceMs":1}'),
    '{"reason":{"toString":1}}',
    '{"boot":"b","connection":1}',
    '{"state":"closed","reason":5}',
    '{"__proto__":{"pings":1}}',
    '{"server":{"toString":null}}',
    `${'['.repeat(500)}`,
  ] as const
  const payload = random.below(2) === 0 ? Buffer.from(random.pick(json)) : Buffer.alloc(length, random.below(256))
  if (type === FrameType.pong) return somePong(random, payload)
  return random.below(10) === 0 ? encodeFrame(type, random.below(4), payload, 0) : encodeFrame(type, random.below(4), payload)
}

function somePong(random: Random, payload: Buffer): Buffer {
  const times = random.bytes(TIMES_BYTES)
  const pong = encodeFrame(FrameType.pong, random.below(2), Buffer.concat([payload, times]))
  if (random.below(10) === 0) pong[pong.length - 1] = 0
  return pong
}

/** A new codec of probe, in one of the states of a connection. */
function someCodec(random: Random): ServerCodec | ClientCodec {
  if (random.below(2) === 0) {
    const server = probe.serverCodec(options, () => info)
    server.open?.()
    return server
  }
  const events = { hello: ignore, goAway: ignore, serverTimes: ignore, ended: ignore, totals: ignore }
  const client = probe.clientCodec(options, events)
  if (random.below(2) > 0) client.receive(encodeFrame(FrameType.hello, 0, Buffer.from('{"version":1,"server":"s"}')))
  for (let asked = random.below(3); asked > 0; asked--) client.request()
  return client
}

const ignore = () => {}

/**
 * Passes one input, split at random, to one codec.
 * @returns the name of the error that ended it, or `valid`
 * @throws errors that a peer must never cause
 */
function fuzzOnce(random: Random): string {
  const codec = someCodec(random)
  const input = someInput(random, 'open' in codec ? TYPES_TO_SERVER : TYPES_TO_CLIENT)
  for (let start = 0; start < input.length; ) {
    const end = Math.min(input.length, start + 1 + random.below(random.pick([2, 20, 2_000, 20_000])))
    try {
      // The codec may change a chunk, so each is in separate memory, like reads.
      const reply: Bytes | number | undefined = codec.receive(Buffer.from(input.subarray(start, end)))
      if (typeof reply === 'object' && lengthOf(reply) > 3 * input.length + 1_000) throw new Error('a reply without bound')
    } catch (error) {
      if (error instanceof ProtocolError) return error.reason
      if (error instanceof WrongReply || error instanceof Rejected) return error.name
      throw error
    }
    start = end
  }
  return 'valid'
}

function lengthOf(bytes: Buffer | readonly Buffer[]): number {
  return [bytes].flat().reduce((sum, { length }) => sum + length, 0)
}

/** To run longer, with other inputs: `FUZZ_SECONDS=600 npx jest --selectProjects unit --testPathPatterns fuzz`; FUZZ_SEED repeats a run. */
const seconds = Number(process.env.FUZZ_SECONDS ?? 0)
const seed = Number(process.env.FUZZ_SEED ?? (seconds > 0 ? Date.now() % 2 ** 31 : 1))
const BATCH = 1_000
/** In 10,000 inputs, each outcome is reached several times. */
const MIN_BATCHES = 7
const MEBIBYTE = 2 ** 20

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Bytes in use after a garbage collection, and those of the whole process. */
function memory(): { usedBytes: number; residentBytes: number } {
  for (let turn = 0; turn < 3; turn++) collectGarbage()
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  return { usedBytes: heapUsed + arrayBuffers, residentBytes: rss }
}

/** Of this thread: a busy machine does not make it longer. */
function cpuTimeMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

const mebibytes = (bytes: number) => Math.round(bytes / MEBIBYTE)

test(
  `probe survives any input (FUZZ_SEED=${seed})`,
  () => {
    const random = new Random(seed)
    const outcomes: Record<string, number> = {}
    const run = () => {
      for (let input = 0; input < BATCH; input++) {
        const outcome = fuzzOnce(random)
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      }
    }
    for (let warmUp = 0; warmUp < 3; warmUp++) run()
    const before = memory()
    const startMs = performance.now()
    let slowestMs = 0
    for (let batch = 0; batch < MIN_BATCHES || performance.now() - startMs < seconds * 1_000; batch++) {
      const beforeMs = cpuTimeMs()
      run()
      slowestMs = Math.max(slowestMs, cpuTimeMs() - beforeMs)
    }
    const after = memory()
    const inputs = Object.values(outcomes).reduce((sum, count) => sum + count, 0)
    process.stderr.write(
      `    ${inputs} inputs: ${JSON.stringify(outcomes)}; in use ${mebibytes(before.usedBytes)} MiB before, ` +
        `${mebibytes(after.usedBytes)} after; resident ${mebibytes(before.residentBytes)}, ${mebibytes(after.residentBytes)}\n`,
    )
    // Every outcome was reached: the inputs pass the first check.
    const known = ['frame_payload', 'frame_too_long', 'frame_too_short', 'frame_type', 'Rejected', 'valid', 'WrongReply']
    expect(new Set(Object.keys(outcomes))).toEqual(new Set(known))
    expect(slowestMs).toBeLessThan(5_000)
    expect(after.usedBytes - before.usedBytes).toBeLessThan(5 * MEBIBYTE)
    expect(after.residentBytes - before.residentBytes).toBeLessThan(400 * MEBIBYTE) // garbage included
  },
  (seconds + 240) * 1_000,
)
