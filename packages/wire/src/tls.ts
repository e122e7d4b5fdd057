import { X509Certificate } from 'node:crypto'
import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { createSecureContext, type SecureContextOptions } from 'node:tls'

/** Paths of PEM files; empty = none. `cert` contains this side's certificate and then its intermediates, `ca` the trusted roots. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
  readonly ca: string
}

/** Contents of the files when last read. */
export interface Credentials {
  readonly options: SecureContextOptions
  /** Earliest expiry of the certificates in `cert`, ms since 1970; undefined without certificates. */
  readonly expiresAtMs: number | undefined
}

/** Unusable files; `problems` names each file and the reason. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError'
  readonly code = 'CREDENTIALS'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('; '))
    this.problems = problems
  }
}

const MIN_VERSION = 'TLSv1.2'

/** Polling interval, ms. Network file systems and swapped symlinks, as in Kubernetes, produce no change notifications. */
const POLL_INTERVAL_MS = 1_000

/** Files are read once nothing has changed for this long, ms, because certificate and key are often written one after the other. */
const SETTLE_MS = 1_100

const FILE_ERRORS: Record<string, string> = { ENOENT: 'no such file', EACCES: 'permission denied', EISDIR: 'is a directory' }

/**
 * Reads and validates certificates and key.
 * @throws {CredentialsError}
 */
export function readCredentials(files: TlsFiles): Credentials {
  const problems: string[] = []
  const [cert, key, ca] = (['cert', 'key', 'ca'] as const).map(name => readFile(name, files[name], problems))
  const own = parseCertificates('cert', files.cert, cert, problems)
  parseCertificates('ca', files.ca, ca, problems)
  if (problems.length > 0) throw new CredentialsError(problems)
  const options = { minVersion: MIN_VERSION, ...(cert && { cert }), ...(key && { key }), ...(ca && { ca }) } as const
  try {
    createSecureContext(options)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const problem = code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH' ? `does not match the certificate ${files.cert}` : message
    throw new CredentialsError([`key ${files.key}: ${problem}`])
  }
  const expiresAtMs = own.length > 0 ? Math.min(...own.map(({ validToDate }) => validToDate.getTime())) : undefined
  return { options, expiresAtMs }
}

function readFile(name: string, path: string, problems: string[]): Buffer | undefined {
  if (path === '') return undefined
  try {
    return readFileSync(path)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    problems.push(`${name} ${path}: ${FILE_ERRORS[code] ?? message}`)
    return undefined
  }
}

function parseCertificates(name: string, path: string, pem: Buffer | undefined, problems: string[]): X509Certificate[] {
  if (pem === undefined) return []
  try {
    const texts = pem.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
    if (texts !== null) return texts.map(text => new X509Certificate(text))
  } catch {
    // The problem below covers both a missing and an invalid certificate.
  }
  problems.push(`${name} ${path}: not a PEM certificate`)
  return []
}

export interface CredentialsEvents {
  reloaded(credentials: Credentials): void
  /** The changed files are unusable; the previous credentials stay in use. */
  failed(error: CredentialsError): void
}

/** Credentials, reloaded when their files change. */
export class WatchedCredentials {
  current: Credentials
  readonly #files: TlsFiles
  readonly #events: CredentialsEvents
  readonly #paths: readonly string[]
  readonly #changed = () => {
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => this.reload(), SETTLE_MS).unref()
  }
  #settling: NodeJS.Timeout | undefined

  /** @throws {CredentialsError} */
  constructor(files: TlsFiles, events: CredentialsEvents) {
    this.#files = files
    this.#events = events
    this.#paths = [...new Set([files.cert, files.key, files.ca])].filter(path => path !== '')
    // watchFile follows symlinks. Watching starts before the first read, so that no change is missed.
    for (const path of this.#paths) watchFile(path, { interval: POLL_INTERVAL_MS, persistent: false }, this.#changed)
    try {
      this.current = readCredentials(files)
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Reloads the files now, even if unchanged. */
  reload(): void {
    clearTimeout(this.#settling)
    try {
      this.current = readCredentials(this.#files)
    } catch (error) {
      if (!(error instanceof CredentialsError)) throw error
      this.#events.failed(error)
      return
    }
    this.#events.reloaded(this.current)
  }

  close(): void {
    clearTimeout(this.#settling)
    for (const path of this.#paths) unwatchFile(path, this.#changed)
  }
}
