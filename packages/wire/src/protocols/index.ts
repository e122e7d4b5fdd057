import type { Protocol } from '../protocol.ts'
import { chargen } from './chargen.ts'
import { discard } from './discard.ts'
import { echo } from './echo.ts'
import { greet } from './greet.ts'
import { probe } from './probe.ts'

/** All protocols by their name in endpoint URLs. To add one, add a file to this folder and a row here. */
export const protocols = { greet, echo, discard, chargen, probe } satisfies Record<string, Protocol>

export type ProtocolName = keyof typeof protocols
