import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

/** A Secret as the kubelet mounts it: each file is a link into `..data`, a link to a folder that every update replaces at once. */
export class MountedSecret {
  readonly #folder: string
  #version = 0

  /** @param files the source of each file by its name */
  constructor(folder: string, files: Readonly<Record<string, string>>) {
    this.#folder = folder
    mkdirSync(folder)
    this.update(files)
    for (const name of Object.keys(files)) symlinkSync(join('..data', name), this.path(name))
  }

  path(name: string): string {
    return join(this.#folder, name)
  }

  update(files: Readonly<Record<string, string>>): void {
    const version = `..${++this.#version}`
    mkdirSync(join(this.#folder, version))
    for (const [name, source] of Object.entries(files)) copyFileSync(source, join(this.#folder, version, name))
    symlinkSync(version, join(this.#folder, '..data_tmp'))
    renameSync(join(this.#folder, '..data_tmp'), join(this.#folder, '..data'))
    rmSync(join(this.#folder, `..${this.#version - 1}`), { recursive: true, force: true })
  }
}
