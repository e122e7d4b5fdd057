import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'

const ROOT = '/sys/fs/cgroup'
const PERIOD_US = 100_000

/**
 * Limits a process to a share of one core, by a cgroup of version 2 or 1.
 * @returns ends the limit
 */
export function limitCpu(pid: number, share: number): () => void {
  const version2 = existsSync(`${ROOT}/cgroup.controllers`)
  const parent = version2 ? ROOT : `${ROOT}/cpu`
  const group = `${parent}/nihao-faults-${pid}`
  const home = `${parent}${ownGroup(pid, version2)}`
  const quotaUs = Math.round(share * PERIOD_US)
  if (version2) writeFileSync(`${ROOT}/cgroup.subtree_control`, '+cpu')
  mkdirSync(group)
  if (version2) writeFileSync(`${group}/cpu.max`, `${quotaUs} ${PERIOD_US}`)
  else {
    writeFileSync(`${group}/cpu.cfs_period_us`, `${PERIOD_US}`)
    writeFileSync(`${group}/cpu.cfs_quota_us`, `${quotaUs}`)
  }
  writeFileSync(`${group}/cgroup.procs`, `${pid}`)
  return () => {
    writeFileSync(`${home}/cgroup.procs`, `${pid}`)
    rmdirSync(group)
  }
}

/** The path of the cgroup that a process is in, such as `/system.slice`. */
function ownGroup(pid: number, version2: boolean): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8')
  const pattern = version2 ? /^0::(.*)$/m : /^\d+:cpu(?:,cpuacct)?:(.*)$/m
  return pattern.exec(lines)?.[1] ?? '/'
}
