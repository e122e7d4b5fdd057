import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

const here = import.meta.dirname

/** Paths of the built programs; `undefined` where the toolchain is missing. */
export type Programs = { load: string; echoC: string; echoGo: string | undefined; nihaoServer: string }

/** First line of what a program prints about itself, or `undefined` when it isn't installed. */
export function versionOf(program: string, argument: string): string | undefined {
  try {
    return execFileSync(program, [argument], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n', 1)[0]
  } catch {
    return undefined
  }
}

/** Builds the load generator and the comparison servers into `folder`. Throws without a C compiler: nothing can be measured then. */
export function buildPrograms(folder: string): Programs {
  if (versionOf('gcc', '--version') === undefined) {
    throw new Error('gcc is missing: the load generator is written in C (Debian: apt-get install gcc libc6-dev)')
  }
  const loadSources = readdirSync(join(here, 'load')).filter(name => name.endsWith('.c'))
  const load = compileC(
    join(folder, 'load'),
    loadSources.map(name => join(here, 'load', name)),
  )
  const echoC = compileC(join(folder, 'echo-c'), [join(here, 'servers', 'echo.c')])
  const echoGo = versionOf('go', 'version') === undefined ? undefined : compileGo(join(folder, 'echo-go'))
  return { load, echoC, echoGo, nihaoServer: compileServices(join(folder, 'nihao')).server }
}

function compileC(output: string, sources: string[]): string {
  execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-o', output, ...sources], { stdio: 'inherit' })
  return output
}

function compileGo(output: string): string {
  execFileSync('go', ['build', '-o', output, join(here, 'servers', 'echo.go')], { stdio: 'inherit' })
  return output
}

/** Server and client as they are in their images: compiled, beside the packages that they need. From source, Node's TypeScript loader would stay in memory. */
export function compileServices(output: string): { server: string; client: string } {
  const root = join(here, '..')
  execFileSync('tsc', ['-p', 'tsconfig.build.json', '--outDir', output], { cwd: root, stdio: 'inherit' })
  mkdirSync(join(output, 'node_modules', '@nihao'), { recursive: true })
  for (const workspace of ['packages/wire', 'packages/service']) {
    copyFileSync(join(root, workspace, 'package.json'), join(output, workspace, 'package.json'))
    symlinkSync(join(output, workspace), join(output, 'node_modules', workspace.replace('packages', '@nihao')))
  }
  for (const dependency of ['convict', 'pino', 'prom-client']) {
    symlinkSync(join(root, 'node_modules', dependency), join(output, 'node_modules', dependency))
  }
  return { server: join(output, 'services/server/src/main.js'), client: join(output, 'services/client/src/main.js') }
}
