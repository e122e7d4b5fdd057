import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import type { AdministeredService } from './support/admin.ts'
import { RunningClient, startClient } from './support/client.ts'
import { RunningServer, startServer } from './support/server.ts'
import { testWith } from './support/tool.ts'

const PROMETHEUS = { accept: 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5' }

/** Runs a test with each program's admin endpoint. */
async function withBoth(run: (service: AdministeredService) => Promise<void>): Promise<void> {
  await using server = await startServer('greet://127.0.0.1:0 probe://127.0.0.1:0')
  const targets = [`greet://127.0.0.1:${server.port(0)}`, `probe://127.0.0.1:${server.port(1)}`]
  await using client = await startClient(targets.join(' '))
  for (const target of targets) await client.log({ msg: 'first reply', target })
  await run(server)
  await run(client)
}

describe('/metrics', () => {
  /** Names of counters. What a gauge of Node shows may come and go. */
  const names = (text: string) => new Set([...text.matchAll(/^([a-z_]+_total)[{ ]/gm)].map(([, name]) => name))

  test('has the same names for every scraper, whatever format others ask for', () =>
    withBoth(async service => {
      const first = names((await service.page('/metrics')).text)
      expect(first.size).toBeGreaterThan(10)
      for (let turn = 0; turn < 3; turn++) {
        const [openMetrics, plain] = await Promise.all([
          service.page('/metrics', { headers: PROMETHEUS }),
          service.page('/metrics'),
        ])
        expect(openMetrics.text.endsWith('# EOF\n')).toBe(true)
        expect(names(openMetrics.text)).toEqual(first)
        expect(names(plain.text)).toEqual(first)
      }
    }))

  const lint = (text: string) =>
    new Promise<string>(resolve => {
      const promtool = execFile('promtool', ['check', 'metrics'], (error, stdout, stderr) =>
        resolve(`${error?.code ?? 0}\n${stdout}${stderr}`),
      )
      promtool.stdin?.end(text)
    })

  testWith('promtool', 'passes promtool check metrics', () =>
    withBoth(async service => {
      expect(await lint((await service.page('/metrics')).text)).toBe('0\n')
    }),
  )
})

/** Loaded into a program: sends it SIGTERM just before it writes this log line. */
const SIGNAL = `data:text/javascript,${encodeURIComponent(`
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
const { write } = fs
fs.write = (fd, bytes, done) => {
  if (String(bytes).includes('admin listening')) process.kill(process.pid, 'SIGTERM')
  write(fd, bytes, done)
}
syncBuiltinESMExports()`)}`

const env = { NODE_OPTIONS: `--import=${SIGNAL}` }

test.each([
  ['server', () => new RunningServer('echo://127.0.0.1:0', { env })],
  ['probing client', () => new RunningClient('echo://127.0.0.1:9', { env })],
  ['client that watches idle timeouts', () => new RunningClient('echo://127.0.0.1:9', { env, args: ['idle', '--repeat', '1m'] })],
])('a %s handles signals before its log says that the admin endpoint listens', async (_, start) => {
  await using service = start()
  expect(await service.exit()).toEqual({ code: 0, signal: null, stderr: '' })
  expect(service.logged().at(-1)?.msg).toBe('stopped')
})

describe('200 connections that send nothing', () => {
  test('do not keep health checks and scrapes from being answered', () =>
    withBoth(async service => {
      const sockets: Socket[] = []
      try {
        for (let index = 0; index < 200; index++) {
          const socket = connect(service.adminPort, '127.0.0.1').on('error', () => {})
          sockets.push(socket)
          await once(socket, 'connect')
        }
        for (const path of ['/livez', '/readyz', '/metrics']) {
          expect((await service.page(path)).status).toBe(200)
        }
      } finally {
        for (const socket of sockets) socket.destroy()
      }
    }))
})
