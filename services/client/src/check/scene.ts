import { randomBytes } from 'node:crypto'
import { afterBanner, type ProtocolName, protocols } from '@nihao/wire'
import type { Dialer } from '../dialer.ts'
import { describeFailure } from '../failure.ts'
import type { CheckValues, TargetConfig } from '../settings.ts'
import { CheckFailure } from './check-failure.ts'
import { Conversation } from './conversation.ts'

const HEADER_BYTES = 13
const LINE_END_BYTES = 1

/** A target, and the way to it. */
export interface CheckTarget extends TargetConfig<CheckValues> {
  readonly dialer: Dialer
}

/** Where a check plays: its target, the connections that it opens, and their end together. */
export class Scene implements Disposable {
  readonly values: CheckValues
  /** Time that each phase of the last connection took, ms. */
  phasesMs: { dns?: number; tcp?: number; tls?: number } = {}
  /** What a server of frames told of itself on the last connection. */
  facts: Readonly<Record<string, unknown>> = {}
  readonly #config: CheckTarget
  readonly #signal: AbortSignal
  readonly #conversations: Conversation[] = []

  /** @param signal gives up whatever is under way */
  constructor(config: CheckTarget, signal: AbortSignal) {
    this.values = config.values
    this.#config = config
    this.#signal = signal
  }

  get protocol(): ProtocolName {
    return this.#config.endpoint.protocol
  }

  /** True where the server speaks first by agreement. */
  get opens(): boolean {
    const { text } = protocols[this.protocol]
    return !text || this.values.banner
  }

  /** Text of a kind that occurs once: a stale or foreign reply can't be taken for the right one. @param sizeBytes of the whole request */
  textFor(sizeBytes: number): string {
    const overheadBytes = protocols[this.protocol].text ? LINE_END_BYTES : HEADER_BYTES
    const lengthBytes = Math.max(0, sizeBytes - overheadBytes)
    return randomBytes(lengthBytes).toString('base64').slice(0, lengthBytes)
  }

  /** Connects, and asks nothing. @throws {CheckFailure} */
  async connect(message = this.values.message): Promise<Conversation> {
    const { endpoint, dialer } = this.#config
    this.phasesMs = {}
    const socket = await dialer
      .dial({
        signal: this.#signal,
        observe: (phase, durationMs) => {
          this.phasesMs[phase] = durationMs
        },
      })
      .catch(error => {
        const { reason } = describeFailure(error)
        throw new CheckFailure(reason, `no connection: ${error.message || error.code}`, {})
      })
    const { clientCodec, text } = protocols[endpoint.protocol]
    const codec = clientCodec(
      { ...this.values, message },
      {
        hello: facts => {
          this.facts = facts
        },
      },
    )
    const conversation = new Conversation(socket, this.values.banner && text ? afterBanner(codec) : codec, this.#signal)
    this.#conversations.push(conversation)
    return conversation
  }

  /** Connects, and hears what the server says first. @throws {CheckFailure} */
  async converse(message?: string): Promise<Conversation> {
    const conversation = await this.connect(message)
    await conversation.opened(this.values.timeout)
    return conversation
  }

  [Symbol.dispose](): void {
    for (const conversation of this.#conversations) conversation[Symbol.dispose]()
  }
}
