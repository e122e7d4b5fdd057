import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Peer } from './support/peer.ts'
import { RunningServer, startServer } from './support/server.ts'
import { until } from './support/until.ts'

describe('a Unix socket', () => {
  let folder: string
  let path: string
  let url: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nihao-'))
    path = join(folder, 'greet.sock')
    url = `greet+unix://${path}`
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('accepts connections, appears in log and metrics, and is removed after a clean exit', async () => {
    await using server = await startServer(url)
    expect(server.listening).toEqual([expect.objectContaining({ listener: `greet:${path}`, path })])
    await using peer = await Peer.connect(path)
    await peer.ask('张三\n', '你好，张三\n')
    expect(await server.metric('tcp_server_connections_active', { listener: `greet:${path}` })).toBe(1)
    peer.end()
    await peer.finished()
    server.kill('SIGTERM')
    expect(await server.exit()).toMatchObject({ code: 0 })
    expect(existsSync(path)).toBe(false)
  })

  test('left behind by a killed server is replaced', async () => {
    {
      await using killed = await startServer(url)
      killed.kill('SIGKILL')
      await killed.exit()
    }
    expect(existsSync(path)).toBe(true)
    await using server = await startServer(url)
    await using peer = await Peer.connect(path)
    await peer.ask('again', '你好，again')
    expect(server.logged({ level: 'fatal' })).toEqual([])
  })

  test('of a running server is not replaced', async () => {
    await using first = await startServer(url)
    await using second = new RunningServer(url)
    expect(await second.exit()).toMatchObject({ code: 1 })
    const msg = `can't listen on ${url}: address already in use (EADDRINUSE)`
    expect(second.logged({ level: 'fatal' })).toEqual([expect.objectContaining({ msg })])
    await using peer = await Peer.connect(path)
    await peer.ask('mine', '你好，mine')
    expect(first.running).toBe(true)
  })

  test('does not replace a file that is not a socket', async () => {
    writeFileSync(path, 'precious')
    await using server = new RunningServer(url)
    await until('the server to start or to give up', () => server.listening.length > 0 || !server.running)
    expect(readFileSync(path, 'utf8')).toBe('precious')
    expect(await server.exit()).toMatchObject({ code: 1 })
    const msg = `can't listen on ${url}: the path exists and is not a socket (ENOTSOCK)`
    expect(server.logged({ level: 'fatal' })).toEqual([expect.objectContaining({ msg })])
  })

  test('in a missing directory is a clear error with exit code 1', async () => {
    const nowhere = `greet+unix://${folder}/nowhere/greet.sock`
    await using server = new RunningServer(nowhere)
    expect(await server.exit()).toMatchObject({ code: 1 })
    const msg = `can't listen on ${nowhere}: no such directory (ENOENT)`
    expect(server.logged({ level: 'fatal' })).toEqual([expect.objectContaining({ msg })])
  })

  test('is limited by max-connections like TCP', async () => {
    await using server = await startServer(`${url}?max-connections=1`)
    await using served = await Peer.connect(path)
    await served.ask('1', '你好，1')
    await using refused = await Peer.connect(path)
    await refused.finished()
    expect(refused.bytes.length).toBe(0)
    expect(await server.metric('tcp_server_connections_rejected_total', { reason: 'max_connections' })).toBe(1)
  })
})
