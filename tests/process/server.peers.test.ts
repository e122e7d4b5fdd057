import { spawn } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Peer } from './support/peer.ts'
import { type RunningServer, startServer } from './support/server.ts'
import { talk, testWith } from './support/tool.ts'
import { until } from './support/until.ts'

let server: RunningServer
const [greet, echo, discard] = [0, 1, 2]

beforeAll(async () => {
  server = await startServer('greet://127.0.0.1:0 echo://127.0.0.1:0 discard://127.0.0.1:0')
})
afterAll(() => server[Symbol.asyncDispose]())

const at = (listener: number) => ['127.0.0.1', String(server.port(listener))]

describe('common clients', () => {
  testWith('nc', 'nc: a message without a line end, then half-close', async () => {
    expect(await talk('nc', ['-N', ...at(greet)], [Buffer.from('hi')])).toMatchObject({ exitCode: 0, text: '你好，hi' })
  })

  testWith('nc', 'nc: everything before the FIN is answered, by each protocol', async () => {
    const input = '张三\n李四\n'.repeat(1_000)
    const replies = await Promise.all(
      [greet, echo, discard].map(listener => talk('nc', ['-N', ...at(listener)], [Buffer.from(input)])),
    )
    expect(replies.map(({ text }) => text)).toEqual(['你好，张三\n你好，李四\n'.repeat(1_000), input, ''])
  })

  testWith('socat', 'socat: lines and their replies', async () => {
    const reply = await talk('socat', ['-t', '60', '-', `TCP:127.0.0.1:${server.port(greet)}`], [Buffer.from('张三\n李四')])
    expect(reply).toMatchObject({ exitCode: 0, text: '你好，张三\n你好，李四' })
  })

  testWith('telnet', 'telnet: a line that ends in CR LF', async () => {
    const telnet = spawn('telnet', at(greet), { stdio: ['pipe', 'pipe', 'ignore'] })
    try {
      let shown = ''
      telnet.stdout.setEncoding('utf8').on('data', (text: string) => {
        shown += text
      })
      await until('telnet to be connected', () => shown.includes('Escape character'))
      telnet.stdin.write('zhang san\n')
      await until(`the greeting in ${JSON.stringify(shown)}`, () => shown.includes('你好，zhang san'))
    } finally {
      telnet.kill('SIGKILL')
    }
  })

  test('a browser gets a greeting for its request', async () => {
    await using peer = await Peer.connect(server.port(greet))
    await peer.ask('GET / HTTP/1.1\r\nHost: x\r\n\r\n', '你好，GET / HTTP/1.1\r\n你好，Host: x\r\n你好，\r\n')
  })
})

describe('data on a connection', () => {
  test('a character split across packets is returned intact, after one greeting', async () => {
    await using peer = await Peer.connect(server.port(greet))
    const [first, second, third] = Buffer.from('张')
    for (const [index, byte] of [first, second, third].entries()) {
      peer.send(Buffer.of(byte ?? 0))
      await until(`reply to byte ${index}`, () => peer.bytes.length === Buffer.byteLength('你好，') + index + 1)
    }
    expect(peer.text).toBe('你好，张')
    await peer.ask('\n三', '\n你好，三')
  })

  test('many lines in one packet get one reply each, in order', async () => {
    await using peer = await Peer.connect(server.port(greet))
    const lines = Array.from({ length: 500 }, (_, index) => `line ${index}\n`)
    await peer.ask(lines.join(''), lines.map(line => `你好，${line}`).join(''))
  })

  test('a half-close is answered by the replies, then FIN', async () => {
    await using peer = await Peer.connect(server.port(echo))
    peer.send('one')
    peer.end()
    await peer.finished()
    expect(peer.text).toBe('one')
  })

  test('a half-close without data is answered by FIN', async () => {
    await using peer = await Peer.connect(server.port(greet))
    peer.end()
    await peer.finished()
    expect(peer.text).toBe('')
  })
})

describe('listen addresses', () => {
  test('IPv6', async () => {
    await using listening = await startServer('greet://[::1]:0')
    expect(listening.listening).toEqual([expect.objectContaining({ address: '::1', family: 'IPv6' })])
    await using peer = await Peer.connect({ host: '::1', port: listening.port() })
    await peer.ask('张三\n', '你好，张三\n')
    expect((await listening.connections()).connections).toEqual([expect.objectContaining({ remoteAddress: '::1' })])
  })

  test('[::] accepts both families; an IPv4 peer is shown with its IPv4 address', async () => {
    await using listening = await startServer('echo://[::]:0')
    await using four = await Peer.connect(listening.port())
    await using six = await Peer.connect({ host: '::1', port: listening.port() })
    await four.ask('4', '4')
    await six.ask('6', '6')
    const addresses = (await listening.connections()).connections.map(({ remoteAddress }) => remoteAddress)
    expect(addresses.sort()).toEqual(['127.0.0.1', '::1'])
  })

  test('each listener is logged with its protocol, address and port', () => {
    expect(server.listening.map(({ listener, address, family, port }) => ({ listener, address, family, port }))).toEqual(
      ['greet', 'echo', 'discard'].map((protocol, index) => ({
        listener: `${protocol}:${server.port(index)}`,
        address: '127.0.0.1',
        family: 'IPv4',
        port: server.port(index),
      })),
    )
  })
})
