import { X509Certificate } from 'node:crypto'
import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { createSecureContext, type SecureContextOptions } from 'node:tls'

/** Paths of PEM files; empty = none. `cert` holds the own certificate, then those that lead to its root; `ca` the roots that are trusted. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
  readonly ca: string
}

/** What the files said when they were last read. */
export interface Credentials {
  readonly options: SecureContextOptions
  /** When the first of the own certificates expires, wall clock, ms; undefined where there is none. */
  readonly expiresAtMs: number | undefined
}

/** Files that can't be used; `problems` names each one, with the reason. */
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

/** How often files are looked at, ms. Network file systems and symlinks that are swapped, as Kubernetes does, send no notice of a change. */
const LOOK_MS = 1_000

/** Certificate and key are often written one after the other: they are read when nothing has changed for this long. */
const SETTLE_MS = 1_100

/**
 * Reads and checks certificates and key.
 * @throws {CredentialsError}
 */
export function readCredentials(files: TlsFiles): Credentials {
  const problems: string[] = []
  const read = (name: keyof TlsFiles): Buffer | undefined => {
    if (files[name] === '') return undefined
    try {
      return readFileSync(files[name])
    } catch (error) {
      problems.push(
        `${name} ${files[name]}: ${MEANINGS[(error as NodeJS.ErrnoException).code ?? ''] ?? (error as Error).message}`,
      )
      return undefined
    }
  }
  const certificatesOf = (name: 'cert' | 'ca', pem: Buffer | undefined): X509Certificate[] => {
    if (pem === undefined) return []
    try {
      const texts = pem.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
      if (texts !== null) return texts.map(text => new X509Certificate(text))
    } catch {
      // told below
    }
    problems.push(`${name} ${files[name]}: not a certificate in PEM`)
    return []
  }

  const [cert, key, ca] = [read('cert'), read('key'), read('ca')]
  const own = certificatesOf('cert', cert)
  certificatesOf('ca', ca)
  if (problems.length > 0) throw new CredentialsError(problems)
  const options = { minVersion: MIN_VERSION, ...(cert && { cert }), ...(key && { key }), ...(ca && { ca }) } as const
  try {
    createSecureContext(options)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const what = code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH' ? `does not belong to the certificate ${files.cert}` : message
    throw new CredentialsError([`key ${files.key}: ${what}`])
  }
  const expiresAtMs = own.length > 0 ? Math.min(...own.map(({ validToDate }) => validToDate.getTime())) : undefined
  return { options, expiresAtMs }
}

const MEANINGS: Record<string, string> = { ENOENT: 'no such file', EACCES: 'permission denied', EISDIR: 'is a directory' }

export interface CredentialsEvents {
  reloaded(credentials: Credentials): void
  /** The files can't be used now: what was read before stays in use. */
  failed(error: CredentialsError): void
}

/** Credentials that are read again when their files change. */
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
    // It follows symlinks: another file behind the same path is a change. Watched first, so that no change gets lost.
    for (const path of this.#paths) watchFile(path, { interval: LOOK_MS, persistent: false }, this.#changed)
    try {
      this.current = readCredentials(files)
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Reads the files now, changed or not. */
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
