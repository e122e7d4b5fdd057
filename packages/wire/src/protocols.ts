import { chargen } from './chargen.ts'
import { discard } from './discard.ts'
import { echo } from './echo.ts'
import { greet } from './greet.ts'
import { probe } from './probe.ts'
import type { Protocol } from './protocol.ts'

/** Every protocol by the name that an endpoint URL calls it. A new one is a file beside this one and a row here. */
export const protocols = { greet, echo, discard, chargen, probe } satisfies Record<string, Protocol>

export type ProtocolName = keyof typeof protocols
