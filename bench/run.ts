// Compares nihao-server with bare Node, Go and C, or two commits of it.
// Usage: npm run bench -- [--quick] [--against REF] [--rows small,pipelined,medium,large,churn,idle] [--rounds N] [--sleep]
//   --quick        about two minutes; does not write results.md
//   --against REF  compares this checkout with another commit instead of with Go and C
//   --rows, --rounds  measures only these rows, in this many rounds; does not write results.md
//   --sleep        the load generator sleeps instead of spinning
import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  buildEchoC,
  buildEchoGo,
  buildGenerator,
  buildServices,
  checkOut,
  describeCheckout,
  resolveCommit,
  temporaryFolder,
} from './build.ts'
import { commitsReport } from './commits-report.ts'
import { harnessCore } from './processes.ts'
import { writeSection } from './results-file.ts'
import { measureAll, type Plan } from './rounds.ts'
import { bare, bareNode, bareNodeAgain, nihao, protocols, type ServerKind } from './servers.ts'
import { serversReport } from './servers-report.ts'
import { fullEffort, idleRows, loads, quickEffort } from './workloads.ts'

const deadlineMinutes = 30

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    against: { type: 'string' },
    rows: { type: 'string' },
    rounds: { type: 'string' },
    sleep: { type: 'boolean', default: false },
  },
})
if (availableParallelism() < 2) invalid('two cores are required: one for the server, one for the load')
setTimeout(() => {
  console.error(`bench: not finished after ${deadlineMinutes} minutes`)
  process.exit(1)
}, deadlineMinutes * 60_000).unref()

const commit =
  flags.against === undefined ? undefined : (resolveCommit(flags.against) ?? invalid(`unknown commit "${flags.against}"`))
const options = selectRows(flags.rows?.split(','), flags.rounds)
const folder = temporaryFolder()
const generator = { program: buildGenerator(folder), wait: flags.sleep ? 'sleep' : 'spin' } as const
const after = buildServices(join(folder, 'after'))
const command = ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ')
const markdown = commit === undefined ? await compareServers() : await compareCommits(commit)
console.log(markdown)
if (!flags.quick && flags.rows === undefined && flags.rounds === undefined) {
  writeSection(commit === undefined ? 'Servers' : 'Two commits', markdown)
}

function invalid(message: string): never {
  console.error(`bench: ${message}`)
  process.exit(2)
}

function selectRows(keys: string[] | undefined, rounds: string | undefined): Omit<Plan, 'kinds'> {
  const known = [...loads.map(load => load.key), idleRows.average.key]
  const unknown = keys?.find(key => !known.includes(key))
  if (unknown !== undefined) invalid(`unknown row "${unknown}": must be one of ${known.join(', ')}`)
  const effort = flags.quick ? quickEffort : fullEffort
  if (rounds !== undefined && !/^[1-9]\d?$/.test(rounds)) invalid(`invalid --rounds "${rounds}": must be from 1 to 99`)
  return {
    loads: loads.filter(load => keys?.includes(load.key) ?? true),
    idle: keys?.includes(idleRows.average.key) ?? true,
    effort: rounds === undefined ? effort : { ...effort, roundsPerGeneration: Number(rounds) },
  }
}

async function compareServers(): Promise<string> {
  const kinds = [
    bareNode,
    bareNodeAgain,
    ...protocols.map(protocol => nihao(`nihao ${protocol}`, protocol, after)),
    bare('Go net', buildGo()),
    bare('C epoll', [buildEchoC(folder)]),
  ]
  return serversReport(command, await measure(kinds))
}

function buildGo(): string[] | undefined {
  const program = buildEchoGo(folder)
  return program === undefined ? undefined : [program]
}

async function compareCommits(commit: string): Promise<string> {
  const commits = { before: commit, after: describeCheckout() }
  const before = buildServices(join(folder, 'before'), checkOut(commit, join(folder, 'source')))
  const pairs = protocols.flatMap(protocol => [
    nihao(`${protocol} before`, protocol, before),
    nihao(`${protocol} after`, protocol, after),
  ])
  return commitsReport(command, commits, await measure([bareNode, bareNodeAgain, ...pairs]))
}

// From here on, the harness stays off the server's core; compilers may use both.
function measure(kinds: ServerKind[]) {
  execFileSync('taskset', ['-cp', harnessCore, String(process.pid)], { stdio: 'ignore' })
  return measureAll({ ...options, kinds }, generator)
}
