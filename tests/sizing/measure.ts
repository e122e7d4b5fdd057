import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parse } from 'yaml'
import type { Container } from '../alerts/laboratory.ts'

/** Clock ticks per second in /proc (USER_HZ), the same on every Linux. */
const TICKS = 100

export interface Usage {
  /** Of the process, resident. */
  readonly bytes: number
  /** The most so far. */
  readonly peakBytes: number
  /** CPU time per time. */
  readonly cpu: number
}

/** Memory and CPU of the first process of a container, which runs on this machine, during some time. */
export async function measure(container: Container, forMs: number): Promise<Usage> {
  const id = await container.processId()
  const startMs = performance.now()
  const startTicks = cpuTicks(id)
  await delay(forMs)
  const seconds = (performance.now() - startMs) / 1_000
  const cpu = (cpuTicks(id) - startTicks) / TICKS / seconds
  const status = readFileSync(`/proc/${id}/status`, 'utf8')
  const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1_024
  return { bytes: kibibytes('VmRSS'), peakBytes: kibibytes('VmHWM'), cpu }
}

/** User and system time of all threads. */
function cpuTicks(id: string): number {
  // The second field is the command's name in parentheses, which may contain spaces.
  const fields = readFileSync(`/proc/${id}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return Number(fields[11]) + Number(fields[12])
}

interface Deployment {
  readonly kind: string
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly env: readonly { readonly name: string; readonly value: string }[]
          readonly resources: { readonly limits: { readonly memory: string } }
        }[]
      }
    }
  }
}

/** What k8s/base allows the server. */
export function baseLimits(): { memory: string; connections: number } {
  const documents = readFileSync('k8s/base/server.yaml', 'utf8')
    .split(/^---$/m)
    .map(text => parse(text) as Deployment)
  const [server] = documents.find(({ kind }) => kind === 'Deployment')?.spec.template.spec.containers ?? []
  const connections = server?.env.find(({ name }) => name === 'NIHAO_MAX_CONNECTIONS')?.value
  const memory = server?.resources.limits.memory.replace('Mi', 'm')
  if (memory === undefined || connections === undefined) throw new Error('k8s/base/server.yaml has no limits')
  return { memory, connections: Number(connections) }
}
