import type { Logger } from '@nihao/service'
import type { ClientConfig } from '../settings.ts'

export async function runLoad(_config: ClientConfig, _logger: Logger): Promise<void> {
  throw new Error('load is being built')
}
