import { isIP } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import { ExpiryWatch, type Logger } from '@nihao/service'
import { type Credentials, WatchedCredentials } from '@nihao/wire'
import type { ConnectorStatistics, TargetOptions } from './connector.ts'
import type { TlsDialOptions } from './handshake.ts'

/** Certificates and names for a target's TLS connections. Changed files affect new connections only. */
export class ClientCredentials {
  readonly #options: Omit<TlsDialOptions, 'context'>
  #context: SecureContext

  /** @throws {CredentialsError} */
  constructor(
    { endpoint, values }: TargetOptions,
    statistics: Pick<ConnectorStatistics, 'certificateReloadFailed' | 'event'>,
    logger: Logger,
  ) {
    const host = 'host' in endpoint.address ? endpoint.address.host : 'localhost'
    const servername = values.servername || (isIP(host) === 0 ? host : undefined)
    this.#options = { host: values.servername || host, servername, alpn: values.alpn }
    const watched = new WatchedCredentials(values, {
      reloaded: credentials => {
        this.#context = contextOf(credentials)
        const expires = expiryOf(credentials)
        logger.info({ expires }, 'certificates reloaded')
        statistics.event('certificates_loaded', { expires })
      },
      failed: error => {
        statistics.certificateReloadFailed()
        logger.error({ error }, 'could not reload certificates; the previous ones stay in use')
        statistics.event('certificate_reload_failed', { error: error.message })
      },
    })
    this.#context = contextOf(watched.current)
    const expiresSoon = () => {
      const expires = expiryOf(watched.current)
      logger.warn({ expires }, 'certificate expires soon')
      statistics.event('certificate_expires_soon', { expires })
    }
    new ExpiryWatch(() => watched.current.expiresAtMs, expiresSoon).start()
  }

  forDial(): TlsDialOptions {
    return { ...this.#options, context: this.#context }
  }
}

const contextOf = ({ options }: Credentials) => createSecureContext(options)

const expiryOf = ({ expiresAtMs }: Credentials) => expiresAtMs && new Date(expiresAtMs).toISOString()
