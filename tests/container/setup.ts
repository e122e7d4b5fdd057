import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/**
 * Before the container tests: says whether there is a Docker engine to run them with. Without one they are skipped, unless
 * REQUIRE_DOCKER=1 makes that a failure.
 */
export default async function setup(): Promise<void> {
  const version = await promisify(execFile)('docker', ['version', '--format', '{{.Server.Version}}']).catch(() => undefined)
  process.env.NIHAO_TEST_DOCKER = version === undefined ? 'no' : 'yes'
  if (version !== undefined) return
  const hint = 'no Docker engine answers: install Docker Engine or Docker Desktop, and start it'
  if (process.env.REQUIRE_DOCKER === '1') throw new Error(`REQUIRE_DOCKER=1, but ${hint}`)
  process.stderr.write(`\ncontainer tests are skipped: ${hint}\n`)
}
