import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Background } from './support/background.ts'
import { checkJson, result, verdicts } from './support/check.ts'
import { Peer } from './support/peer.ts'
import { echo, freePort, ScriptedServer } from './support/scripted-server.ts'
import { until } from './support/until.ts'

/** For servers with a process for each connection, however busy the machine is. */
const LIMITS = ['--timeout', '20s', '--check-timeout', '20s']

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nihao-check-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** A test with a program that is not ours: left out where it is not installed, unless REQUIRE_PEERS=1 makes that a failure. */
function testWith(tool: string, name: string, run: () => Promise<void>): void {
  const installed = spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0
  const possible = installed || process.env.REQUIRE_PEERS === '1'
  ;(possible ? test : test.skip)(possible ? name : `${name} (left out: ${tool} is not installed)`, run)
}

async function listening(port: number): Promise<void> {
  await until(`a listener on ${port}`, async () => {
    const peer = await Peer.connect(port).catch(() => undefined)
    await peer?.[Symbol.asyncDispose]()
    return peer !== undefined
  })
}

/** Writes a program and has it made into a command. */
function build(file: string, source: string, command: readonly string[]): string {
  writeFileSync(join(folder, file), source)
  const [tool = '', ...args] = command
  const { status, stderr } = spawnSync(tool, args, { cwd: folder, encoding: 'utf8', env: { ...process.env, HOME: folder } })
  if (status !== 0) throw new Error(stderr)
  return join(folder, 'server')
}

/** A line server as many write it: a scanner, whose lines have at most 64 KiB. */
const GO = `package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		panic(err)
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			for lines := bufio.NewScanner(connection); lines.Scan(); {
				fmt.Fprintf(connection, "hello %s\\n", lines.Text())
			}
			connection.Close()
		}()
	}
}
`

/** A process for each connection. */
const C = `#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int main(int count, char **arguments) {
  signal(SIGCHLD, SIG_IGN);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1])), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  if (count != 2 || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 128)) return 1;
  for (;;) {
    int connection = accept(listener, 0, 0);
    if (fork() == 0) {
      char buffer[16384];
      ssize_t size;
      while ((size = read(connection, buffer, sizeof buffer)) > 0)
        for (ssize_t sent = 0; sent < size;) {
          ssize_t step = write(connection, buffer + sent, size - sent);
          if (step < 0) return 1;
          sent += step;
        }
      return 0;
    }
    close(connection);
  }
}
`

/** `source` requires probe. */
describe('all checks pass with', () => {
  const servers: [tool: string, name: string, command: () => string[], ...skipped: string[]][] = [
    [
      'socat',
      'socat and cat',
      () => ['socat', '-t', '60', 'TCP-LISTEN:PORT,bind=127.0.0.1,reuseaddr,fork,backlog=128', 'EXEC:cat'],
    ],
    // It writes to cat without looking out for what cat has for it, and drops that when the client half-closes: nc finds the same.
    [
      'ncat',
      'ncat and cat, but for large transfers and half-closes',
      () => ['ncat', '-lk', '-m', '200', '127.0.0.1', 'PORT', '-e', '/bin/cat'],
      'large',
      'half-close',
      'backpressure',
      'sizes',
    ],
    ['gcc', 'an echo server in C', () => [build('main.c', C, ['gcc', '-o', 'server', 'main.c']), 'PORT']],
  ]
  for (const [tool, name, command, ...skipped] of servers) {
    testWith(tool, name, async () => {
      const port = await freePort()
      const [file = '', ...args] = command().map(word => word.replace('PORT', String(port)))
      await using _server = new Background(file, args)
      await listening(port)
      const run = await checkJson([
        `echo://127.0.0.1:${port}`,
        '--check-idle',
        '500ms',
        ...LIMITS,
        '--skip',
        ['source', ...skipped].join(),
      ])
      expect(new Set(Object.values(verdicts(run)))).toEqual(new Set(['ok']))
      expect(run.code).toBe(0)
    })
  }
})

testWith('go', 'a line server in Go with a prefix: all checks pass except lines above 64 KiB', async () => {
  const port = await freePort()
  const server = build('main.go', GO, ['go', 'build', '-o', 'server', 'main.go'])
  await using _server = new Background(server, [String(port)])
  await listening(port)
  const run = await checkJson([
    `greet://127.0.0.1:${port}?greeting=hello%20`,
    '--check-idle',
    '500ms',
    ...LIMITS,
    '--skip',
    'source',
  ])
  const failed = Object.entries(verdicts(run)).filter(([, verdict]) => verdict !== 'ok')
  expect(failed).toEqual([['sizes', expect.stringMatching(/^failed: (eof|reset)$/)]])
  expect(result(run, 'sizes', 'failed').figures).toMatchObject({ largestBytes: 65_536, failedBytes: 65_537 })
})

describe('through haproxy', () => {
  /** A proxy before a server that echoes. */
  async function withProxy(options: readonly string[], serverPort: number, run: (port: number) => Promise<void>): Promise<void> {
    const port = await freePort()
    const file = join(folder, 'haproxy.cfg')
    // With one thread, it closes connections in the order in which it accepted them.
    const text = [
      'global',
      '  nbthread 1',
      'defaults',
      '  mode tcp',
      '  timeout connect 5s',
      ...options.map(option => `  ${option}`),
      'listen proxy',
    ]
    writeFileSync(file, `${[...text, `  bind 127.0.0.1:${port}`, `  server echo 127.0.0.1:${serverPort}`].join('\n')}\n`)
    await using _proxy = new Background('haproxy', ['-db', '-f', file])
    await listening(port)
    await run(port)
  }
  const long = ['timeout client 60s', 'timeout server 60s']

  testWith('haproxy', 'all checks pass', async () => {
    await using server = await ScriptedServer.listen(echo)
    await withProxy(long, server.port, async port => {
      const run = await checkJson([`echo://127.0.0.1:${port}`, '--check-idle', '500ms', ...LIMITS, '--skip', 'source'])
      expect(new Set(Object.values(verdicts(run)))).toEqual(new Set(['ok']))
    })
  })

  testWith('haproxy', 'an idle timeout of 4 s is found, with the age of the connection', async () => {
    await using server = await ScriptedServer.listen(echo)
    await withProxy(['timeout client 4s', 'timeout server 4s'], server.port, async port => {
      const run = await checkJson([`echo://127.0.0.1:${port}`, '--only', 'exchange,idle', '--check-idle', '60s'])
      expect(verdicts(run)).toEqual({ exchange: 'ok', idle: expect.stringMatching(/^failed: (eof|reset)$/) })
      const { figures, meaning } = result(run, 'idle', 'failed')
      expect(figures.silentMs).toBeGreaterThan(500) // from the reply, which may be read late
      expect(figures.silentMs).toBeLessThan(60_000)
      expect(meaning).toMatch(/idle timeout/)
    })
  })

  testWith('haproxy', 'a maximum of 5 connections is found', async () => {
    await using server = await ScriptedServer.listen(echo)
    await withProxy([...long, 'maxconn 5'], server.port, async port => {
      const run = await checkJson([`echo://127.0.0.1:${port}`, '--only', 'exchange,concurrent', '--check-timeout', '15s'])
      expect(verdicts(run)).toEqual({ exchange: 'ok', concurrent: 'failed: timeout' })
      expect(result(run, 'concurrent', 'failed').figures.connections).toBe(5)
    })
  })

  testWith('haproxy', 'a server that is down is detected, although a connection can be established', async () => {
    await withProxy([...long, 'retries 0'], await freePort(), async port => {
      const run = await checkJson([`echo://127.0.0.1:${port}`, ...LIMITS, '--only', 'connect,hello,exchange'])
      expect(verdicts(run)).toEqual({
        connect: 'ok',
        hello: expect.stringMatching(/^failed: (eof|reset)$/),
        exchange: 'skipped',
      })
      expect(result(run, 'hello', 'failed').meaning).toMatch(/accepts connections for a server that is down/)
    })
  })
})
