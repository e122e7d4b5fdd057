import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import manifest from '../../package.json' with { type: 'json' }

const run = promisify(execFile)

/**
 * Runs before the container tests: looks for a Docker engine and builds the images.
 * Without an engine, the tests are skipped, unless REQUIRE_DOCKER=1 makes that a failure.
 */
export default async function setup(): Promise<void> {
  const version = await run('docker', ['version', '--format', '{{.Server.Version}}']).catch(() => undefined)
  process.env.DOCKER_ANSWERS = version === undefined ? 'no' : 'yes'
  if (version === undefined) return skip('no Docker engine answers: install Docker Engine or Docker Desktop, and start it')
  // One after the other, so that the second finds the shared stages in the cache.
  for (const service of ['server', 'client']) await build(service)
}

function skip(hint: string): void {
  if (process.env.REQUIRE_DOCKER === '1') throw new Error(`REQUIRE_DOCKER=1, but ${hint}`)
  process.stderr.write(`\ncontainer tests are skipped: ${hint}\n`)
}

async function build(service: string): Promise<void> {
  const options = ['--file', `Dockerfile.${service}`, '--tag', `nihao-${service}:${manifest.version}`]
  // The output of the build is shown only if it fails.
  await run('docker', ['build', ...options, '.'], { cwd: `${import.meta.dirname}/../..`, maxBuffer: 64 * 1024 * 1024 })
}
