import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import type { Container } from '../alerts/laboratory.ts'

/** Clock ticks per second in /proc (USER_HZ), the same on every Linux. */
const TICKS = 100

export interface Usage {
  /** Of the process, resident. */
  readonly bytes: number
  /** The most so far. */
  readonly peakBytes: number
  /** In the buffers of its sockets, outside the process: cgroups of version 2 count them too. */
  readonly kernelBytes: number
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
  return { bytes: kibibytes('VmRSS'), peakBytes: kibibytes('VmHWM'), kernelBytes: await socketBytes(id), cpu }
}

/** The columns r (received), w (to be sent) and f (reserved) of ss -m. Needs root and iproute2; otherwise not a number. */
async function socketBytes(id: string): Promise<number> {
  const list = await promisify(execFile)('nsenter', ['--target', id, '--net', 'ss', '-tmnH'], { maxBuffer: 2 ** 26 }).catch(
    () => undefined,
  )
  if (list === undefined) return Number.NaN
  const sockets = list.stdout.matchAll(/skmem:\(r(\d+),rb\d+,t\d+,tb\d+,f(\d+),w(\d+)/g)
  return [...sockets].reduce(
    (sum, [, received, reserved, queued]) => sum + Number(received) + Number(reserved) + Number(queued),
    0,
  )
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
export function baseLimits(): { memory: string; connections: number; maxBufferedTotal: string } {
  const documents = readFileSync('k8s/base/server.yaml', 'utf8')
    .split(/^---$/m)
    .map(text => parse(text) as Deployment)
  const [server] = documents.find(({ kind }) => kind === 'Deployment')?.spec.template.spec.containers ?? []
  const setting = (variable: string) => server?.env.find(({ name }) => name === variable)?.value
  const connections = setting('NIHAO_MAX_CONNECTIONS')
  const maxBufferedTotal = setting('NIHAO_MAX_BUFFERED_TOTAL')
  const memory = server?.resources.limits.memory.replace('Mi', 'm').replace('Gi', 'g')
  if (memory === undefined || connections === undefined || maxBufferedTotal === undefined) {
    throw new Error('k8s/base/server.yaml has no limits')
  }
  return { memory, connections: Number(connections), maxBufferedTotal }
}
