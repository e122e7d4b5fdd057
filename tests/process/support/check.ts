import type { Report, Result } from '../../../services/client/src/report/results.ts'
import { Service } from './service.ts'

export interface CheckRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface JsonRun extends CheckRun {
  readonly report: Report & { readonly verdict: string }
}

const MAIN = 'services/client/src/main.ts'

/** A client that checks; `await using` ends it. */
export function startCheck(args: readonly string[], env: Readonly<Record<string, string>> = {}): Service {
  return new Service(MAIN, { args: ['check', ...args], env: { NIHAO_TIMEOUT: '10s', ...env } })
}

/** Runs a check to its end. */
export async function check(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<CheckRun> {
  await using client = startCheck(args, env)
  const { code, stderr } = await client.exit(200_000)
  return { code, stdout: `${client.lines.join('\n')}\n`, stderr }
}

export async function checkJson(args: readonly string[]): Promise<JsonRun> {
  const run = await check([...args, '--report', 'json'])
  return { ...run, report: JSON.parse(run.stdout) }
}

/** The verdict of each check of the first target, with the reason if it failed. */
export function verdicts({ report }: JsonRun): Record<string, string> {
  const word = (result: Result) => (result.verdict === 'failed' ? `failed: ${result.reason}` : result.verdict)
  return Object.fromEntries(report.targets[0]?.results.map(result => [result.name, word(result)]) ?? [])
}

/** The result of one check of the first target. */
export function result<Name extends Result['verdict']>({ report }: JsonRun, name: string, verdict: Name) {
  const found = report.targets[0]?.results.find(result => result.name === name)
  if (found?.verdict !== verdict) throw new Error(`${name} is ${JSON.stringify(found)}`)
  return found as Extract<Result, { verdict: Name }>
}
