import type { Logger } from '@nihao/service'
import type { ClientConfig } from '../settings.ts'

export async function runCheck(_config: ClientConfig, _logger: Logger): Promise<void> {
  throw new Error('check is being built')
}
