import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe } from '@jest/globals'

/** The `describe` of container tests, which are skipped if setup.ts found no Docker engine. */
export const describeWithDocker = process.env.DOCKER_ANSWERS === 'yes' ? describe : describe.skip

/**
 * Runs a docker command in the project's root and returns its stdout.
 * @throws with its stderr if its exit code is not 0
 */
export async function docker(command: readonly string[], environment: Record<string, string> = {}): Promise<string> {
  const { stdout } = await promisify(execFile)('docker', command, {
    cwd: `${import.meta.dirname}/../..`,
    env: { ...process.env, ...environment },
    maxBuffer: 64 * 1024 * 1024,
  })
  return stdout.trim()
}
