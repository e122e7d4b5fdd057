import type { Protocol } from './servers.ts'

/** A line of the tables: exchanges per CPU-second, CPU time per connection, or resident bytes per connection. */
export type Row = {
  /** Selects the row on the command line. */
  key: string
  name: string
  unit: 'rate' | 'time' | 'memory'
  /** The ratio to bare Node that each protocol must reach: at least for rates, at most for costs. */
  targets: Partial<Record<Protocol, number>>
}

/** A row measured under load, with the options of the load generator. */
export type Load = Row & {
  mode: 'exchange' | 'churn'
  options: Record<string, number>
  /** Limits the first, unmeasured load on a fresh process. */
  compileCount?: number
}

// Also limited by count: the kernel keeps a closed connection for one minute, or two with connection tracking.
const churn = { connections: 32, size: 32, warmup: 0.02, count: 2_400 }

export const loads: Load[] = [
  {
    key: 'small',
    name: '64 connections × 32 B',
    unit: 'rate',
    targets: { echo: 0.95, greet: 0.9, probe: 0.9 },
    mode: 'exchange',
    options: { connections: 64, size: 32 },
  },
  {
    key: 'pipelined',
    name: '64 connections × 16 pipelined × 32 B',
    unit: 'rate',
    targets: { echo: 0.95, greet: 0.85 },
    mode: 'exchange',
    options: { connections: 64, depth: 16, size: 32 },
  },
  {
    key: 'medium',
    name: '64 connections × 1 KiB',
    unit: 'rate',
    targets: { echo: 0.95, greet: 0.9 },
    mode: 'exchange',
    options: { connections: 64, size: 1024 },
  },
  {
    key: 'large',
    name: '16 connections × 64 KiB',
    unit: 'rate',
    targets: { echo: 0.95, greet: 0.9, probe: 0.8 },
    mode: 'exchange',
    options: { connections: 16, size: 65_536 },
  },
  {
    key: 'churn',
    name: 'connect, exchange, close',
    unit: 'time',
    targets: { echo: 1.3, greet: 1.3 },
    mode: 'churn',
    options: churn,
    compileCount: 8_000,
  },
]

/** Two figures of one measurement: the first connections may use heap that was allocated at startup. */
export const idleRows: { average: Row; further: Row } = {
  average: { key: 'idle', name: 'idle connection, average', unit: 'memory', targets: { echo: 1.3, greet: 1.3 } },
  further: { key: 'idle', name: 'idle connection after the first fifth', unit: 'memory', targets: { echo: 1.5, greet: 1.5 } },
}

/** How much is measured. A generation is a set of fresh server processes: identical programs differ in memory layout and compilation. */
export type Effort = {
  generations: number
  /** For the first, unmeasured load of each row on a fresh process. */
  compileSeconds: number
  roundsPerGeneration: number
  warmupSeconds: number
  measureSeconds: number
  idleRounds: number
  idleConnections: number
}

export const fullEffort: Effort = {
  generations: 2,
  compileSeconds: 1,
  roundsPerGeneration: 8,
  warmupSeconds: 0.1,
  measureSeconds: 0.4,
  idleRounds: 2,
  idleConnections: 10_000,
}

/** About two minutes on two quiet cores. */
export const quickEffort: Effort = {
  ...fullEffort,
  generations: 1,
  compileSeconds: 0.4,
  roundsPerGeneration: 5,
  warmupSeconds: 0.05,
  measureSeconds: 0.25,
  idleRounds: 1,
}
