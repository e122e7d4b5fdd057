import type { Logger } from '@nihao/service'
import type { ClientConfig } from '../settings.ts'

export async function runIdle(_config: ClientConfig, _logger: Logger): Promise<void> {
  throw new Error('idle is being built')
}
