import { chmodSync, copyFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Certificates } from '../process/support/certificates.ts'

/** A folder with tls.crt, tls.key and ca.crt, as in a Secret of Kubernetes. */
export class CertificateFolder implements Disposable {
  readonly #certificates = new Certificates()

  constructor(host: string, days: number) {
    const { cert, key } = this.#certificates.issue({ host, days })
    this.put({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': this.#certificates.ca })
    // The user of the images is not the one that runs the tests.
    chmodSync(this.path, 0o755)
    for (const name of readdirSync(this.path)) chmodSync(join(this.path, name), 0o644)
  }

  get path(): string {
    return this.#certificates.folder
  }

  /** Replaces files by copies of others. */
  put(files: Readonly<Record<string, string>>): void {
    for (const [name, source] of Object.entries(files)) copyFileSync(source, join(this.path, name))
  }

  [Symbol.dispose](): void {
    this.#certificates[Symbol.dispose]()
  }
}
