import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const here = import.meta.dirname
const root = join(here, '..')
const tsc = join(root, 'node_modules/.bin/tsc')

/** First line of a program's version output, or `undefined` if it is not installed. */
export function versionOf(program: string, argument: string): string | undefined {
  try {
    return execFileSync(program, [argument], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n', 1)[0]
  } catch {
    return undefined
  }
}

/** Creates a folder outside the repository; it is removed when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nihao-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  return folder
}

/** Builds the load generator. */
export function buildGenerator(folder: string): string {
  const sources = readdirSync(join(here, 'load')).filter(name => name.endsWith('.c'))
  return compileC(
    join(folder, 'load'),
    sources.map(name => join(here, 'load', name)),
  )
}

export function buildEchoC(folder: string): string {
  return compileC(join(folder, 'echo-c'), [join(here, 'servers', 'echo.c')])
}

/** `undefined` if Go is not installed. */
export function buildEchoGo(folder: string): string | undefined {
  if (versionOf('go', 'version') === undefined) return undefined
  const output = join(folder, 'echo-go')
  execFileSync('go', ['build', '-o', output, join(here, 'servers', 'echo.go')], { stdio: 'inherit' })
  return output
}

function compileC(output: string, sources: string[]): string {
  if (versionOf('gcc', '--version') === undefined) {
    throw new Error('gcc not found: the load generator is written in C (Debian: apt-get install gcc libc6-dev)')
  }
  execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-o', output, ...sources], { stdio: 'inherit' })
  return output
}

/** The main files of a build, and the options with which the server's image starts Node. */
export type Services = { server: string; serverOptions: string[]; client: string }

/** Compiles server and client as in their images, because running from source keeps Node's TypeScript loader in memory. */
export function buildServices(output: string, source = root): Services {
  execFileSync(tsc, ['-p', 'tsconfig.build.json', '--outDir', output], { cwd: source, stdio: 'inherit' })
  for (const workspace of readdirSync(join(source, 'packages'))) {
    copyFileSync(join(source, 'packages', workspace, 'package.json'), join(output, 'packages', workspace, 'package.json'))
  }
  linkModules(output)
  const serverOptions = nodeOptions(join(source, 'Dockerfile.server'))
  return {
    server: join(output, 'services/server/src/main.js'),
    serverOptions,
    client: join(output, 'services/client/src/main.js'),
  }
}

function nodeOptions(dockerfile: string): string[] {
  const entryPoint = /^ENTRYPOINT (.*)$/m.exec(readFileSync(dockerfile, 'utf8'))?.[1] ?? '[]'
  return (JSON.parse(entryPoint) as string[]).filter(word => word.startsWith('--'))
}

/** Checks out a commit into `folder`, with the installed dependencies of this checkout; git forgets it when the process ends. */
export function checkOut(commit: string, folder: string): string {
  git('worktree', 'add', '--detach', '--quiet', folder, commit)
  // Runs before the temporary folder is removed, because git needs the folder to recognize its worktree.
  process.prependListener('exit', () =>
    spawnSync('git', ['worktree', 'remove', '--force', folder], { cwd: root, stdio: 'inherit' }),
  )
  linkModules(folder)
  return folder
}

/** Short name of the checked-out commit, marked if files were changed. */
export function describeCheckout(): string {
  return git('describe', '--always', '--dirty').trim()
}

/** Short hash of a commit, or `undefined` if there is no such commit. */
export function resolveCommit(reference: string): string | undefined {
  const args = ['rev-parse', '--short', '--verify', '--quiet', '--end-of-options', `${reference}^{commit}`]
  const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

// Everything installed in this checkout, except that @nihao refers to the folder's own packages.
function linkModules(folder: string): void {
  const modules = join(root, 'node_modules')
  mkdirSync(join(folder, 'node_modules', '@nihao'), { recursive: true })
  for (const name of readdirSync(modules)) {
    if (name !== '@nihao') symlinkSync(join(modules, name), join(folder, 'node_modules', name))
  }
  for (const workspace of readdirSync(join(folder, 'packages'))) {
    symlinkSync(join(folder, 'packages', workspace), join(folder, 'node_modules', '@nihao', workspace))
  }
}
