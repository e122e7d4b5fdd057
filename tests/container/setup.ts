import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import manifest from '../../package.json' with { type: 'json' }

const run = promisify(execFile)

/**
 * Before the container tests: says whether there is a Docker engine to run them with, and builds the images that they are about.
 * Without an engine they are skipped, unless REQUIRE_DOCKER=1 makes that a failure.
 */
export default async function setup(): Promise<void> {
  const version = await run('docker', ['version', '--format', '{{.Server.Version}}']).catch(() => undefined)
  process.env.DOCKER_ANSWERS = version === undefined ? 'no' : 'yes'
  if (version === undefined) return skip('no Docker engine answers: install Docker Engine or Docker Desktop, and start it')
  // One after the other: the second finds the stages that both have in common in the cache.
  for (const service of ['server', 'client']) await build(service)
}

function skip(hint: string): void {
  if (process.env.REQUIRE_DOCKER === '1') throw new Error(`REQUIRE_DOCKER=1, but ${hint}`)
  process.stderr.write(`\ncontainer tests are skipped: ${hint}\n`)
}

async function build(service: string): Promise<void> {
  const options = ['--file', `Dockerfile.${service}`, '--tag', `nihao-${service}:${manifest.version}`]
  // What the build prints is part of the error when it fails, and of no interest when it does not.
  await run('docker', ['build', ...options, '.'], { cwd: `${import.meta.dirname}/../..`, maxBuffer: 64 * 1024 * 1024 })
}
