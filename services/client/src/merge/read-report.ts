import { readFile } from 'node:fs/promises'
import { REPORT_VERSION, type Report } from '../modes/load/report.ts'
import { program } from '../program.ts'
import { Histogram } from '../report/histogram.ts'

/** Reads a JSON report of a load. @throws if the file is not such a report; the message names the file and the reason */
export async function readReport(file: string): Promise<Report> {
  const fail = (why: string): never => {
    throw new Error(`${file}: ${why}`)
  }
  const text = await readFile(file, 'utf8').catch(({ code, message }) => fail(`can't be read: ${code ?? message}`))
  let report: unknown
  try {
    report = JSON.parse(text)
  } catch {
    return fail('not JSON: expected a report written by nihao-client load --report json')
  }
  if (!isObject(report) || report.program !== program.name || !isLoad(report)) {
    return fail('not a report of nihao-client load')
  }
  const { version } = report
  if (version !== REPORT_VERSION) fail(`version ${version} of the report: this release reads version ${REPORT_VERSION}`)
  return isReport(report) ? report : fail('incomplete or damaged report')
}

type Unknown = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Unknown => typeof value === 'object' && value !== null && !Array.isArray(value)
const isNumber = (value: unknown) => typeof value === 'number' && value >= 0
const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0
const isCounts = (value: unknown) => isObject(value) && Object.values(value).every(isCount)
const isListOf = (value: unknown, isItem: (item: unknown) => boolean) => Array.isArray(value) && value.every(isItem)
const orNull = (value: unknown, is: (value: unknown) => boolean) => value === null || is(value)
const isText = (value: unknown) => typeof value === 'string'

/** Only the report of a load has latencies from the intended start. */
const isLoad = ({ version, targets }: Unknown) =>
  isNumber(version) &&
  isListOf(targets, target => isObject(target) && isObject(target.latencyMs) && 'fromIntendedStart' in target.latencyMs)

/** Whether everything is there that is read from a report. */
function isReport(value: Unknown): value is Unknown & Report {
  const { startedAt, interrupted, client, targets, reports } = value
  return (
    isText(startedAt) &&
    !Number.isNaN(Date.parse(String(startedAt))) &&
    [null, 'SIGINT', 'SIGTERM'].includes(interrupted as string | null) &&
    isCount(reports) &&
    orNull(client, isClient) &&
    isListOf(targets, isTarget)
  )
}

function isClient(value: unknown): boolean {
  if (!isObject(value) || !isObject(value.eventLoopDelayMs)) return false
  const { threads, eventLoopUtilization, eventLoopDelayMs, cpuSeconds, bottlenecks } = value
  const { p50, p99, max } = eventLoopDelayMs
  return (
    isCount(threads) &&
    [eventLoopUtilization, cpuSeconds].every(isNumber) &&
    [p50, p99, max].every(delay => orNull(delay, isNumber)) &&
    isListOf(bottlenecks, isText)
  )
}

function isTarget(value: unknown): boolean {
  if (!isObject(value) || !isObject(value.latencyMs) || !isObject(value.settings)) return false
  const { target, notConnected, settings, elapsedMs, answered, failed, failures, latencyMs, scheduleLagMs } = value
  return (
    isText(target) &&
    orNull(notConnected, failure => isObject(failure) && isText(failure.reason) && orNull(failure.message, isText)) &&
    [settings.connections, settings.depth, settings.rate].every(isCount) &&
    isText(settings.arrivals) &&
    orNull(settings.size, isCounts) &&
    isNumber(elapsedMs) &&
    [answered, failed, value.sentBytes, value.receivedBytes].every(isCount) &&
    isCounts(failures) &&
    [latencyMs.fromIntendedStart, latencyMs.fromSend].every(isDistribution) &&
    orNull(scheduleLagMs, isDistribution) &&
    areConnections(value.connections)
  )
}

function areConnections(value: unknown): boolean {
  if (!isObject(value)) return false
  const { attempts, failures, closed, broken = [], servers, comparisons } = value
  return (
    isCount(attempts) &&
    [failures, closed].every(isCounts) &&
    isListOf(broken, isBroken) &&
    isListOf(servers, isText) &&
    isObject(comparisons) &&
    [comparisons.equal, comparisons.different].every(isCount)
  )
}

const isBroken = (value: unknown) =>
  isObject(value) &&
  [value.reason, value.side, value.evidence].every(isText) &&
  [value.connections, value.exchanges].every(isCount)

function isDistribution(value: unknown): boolean {
  if (!isObject(value) || !isObject(value.percentiles)) return false
  const { count, min, mean, max, buckets } = value
  if (!isCount(count) || ![min, mean, max].every(figure => orNull(figure, isNumber))) return false
  return isText(buckets) && Histogram.parse(String(buckets), value as Parameters<typeof Histogram.parse>[1]) !== undefined
}
