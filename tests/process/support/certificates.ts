import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificate {
  /** Paths of PEM files. */
  readonly cert: string
  readonly key: string
}

const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** A folder with its own root; openssl creates certificates on request. */
export class Certificates implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'nihao-certificates-'))
  readonly ca: string
  readonly #root: Certificate
  #count = 0

  constructor(name = 'nihao test root') {
    this.#root = this.#paths('root')
    this.ca = this.#root.cert
    openssl('req', '-x509', ...NEW_KEY, '-keyout', this.#root.key, '-out', this.ca, '-days', '2', '-subj', `/CN=${name}`)
  }

  /**
   * A certificate of this root.
   * @param days until it expires; -1 = it expired yesterday
   */
  issue({ host = 'localhost', days = 2 } = {}): Certificate {
    const paths = this.#paths(`${this.#count++}`)
    const request = `${paths.cert}.csr`
    const extensions = ['-addext', `subjectAltName=DNS:${host},IP:127.0.0.1`]
    openssl('req', '-new', ...NEW_KEY, '-keyout', paths.key, '-out', request, '-subj', `/CN=${host}`, ...extensions)
    const signed = ['-CA', this.ca, '-CAkey', this.#root.key, '-copy_extensions', 'copy', '-out', paths.cert]
    openssl('x509', '-req', '-in', request, ...signed, '-days', `${days}`, '-set_serial', `${this.#count}`)
    return paths
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  #paths(name: string): Certificate {
    return { cert: join(this.folder, `${name}.pem`), key: join(this.folder, `${name}.key`) }
  }
}
