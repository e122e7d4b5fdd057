import type { CheckName } from '../../check-names.ts'
import type { Check } from './check.ts'
import { backpressure } from './checks/backpressure.ts'
import { concurrent } from './checks/concurrent.ts'
import { connect } from './checks/connect.ts'
import { exchange } from './checks/exchange.ts'
import { halfClose } from './checks/half-close.ts'
import { hello } from './checks/hello.ts'
import { idle } from './checks/idle.ts'
import { large } from './checks/large.ts'
import { shortConnections } from './checks/short-connections.ts'
import { sizes } from './checks/sizes.ts'
import { source } from './checks/source.ts'
import { utf8Pieces } from './checks/utf8-pieces.ts'

/** All checks. To add one, add a file to checks/, a name to check-names.ts and a row here. */
export const checks: Readonly<Record<CheckName, Check>> = {
  connect,
  hello,
  source,
  exchange,
  'utf8-pieces': utf8Pieces,
  large,
  'half-close': halfClose,
  'short-connections': shortConnections,
  concurrent,
  backpressure,
  sizes,
  idle,
}
