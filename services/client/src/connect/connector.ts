import type { Socket } from 'node:net'
import type { Logger } from '@nihao/service'
import type { TargetConfig } from '../settings.ts'
import { ClientCredentials } from './credentials.ts'
import { type DialOptions, dial } from './dial.ts'

/** The way to one target: its address, with what its settings say of time limit, PROXY header and certificates. */
export class Dialer {
  readonly #config: TargetConfig
  readonly #credentials: ClientCredentials | undefined

  /** @throws {CredentialsError} */
  constructor(config: TargetConfig, logger: Logger) {
    this.#config = config
    this.#credentials = config.endpoint.tls ? new ClientCredentials(config, logger) : undefined
  }

  /**
   * @param host one of the addresses of the target's host name, in place of all of them
   * @throws as `dial` does
   */
  dial({
    host,
    ...options
  }: Omit<DialOptions, 'timeoutMs' | 'sendProxy' | 'tls'> & { host?: string | undefined }): Promise<Socket> {
    const { endpoint, values } = this.#config
    return dial(host === undefined ? endpoint.address : { ...endpoint.address, host }, {
      ...options,
      timeoutMs: values.timeout,
      sendProxy: values.sendProxy === 'off' ? undefined : values.sendProxy,
      tls: this.#credentials?.forDial(),
    })
  }
}
