import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { check, checkJson, result, verdicts } from './support/check.ts'
import { frame } from './support/frames.ts'
import { echo, type Script, ScriptedServer } from './support/scripted-server.ts'

const LIMITS = ['--timeout', '3s', '--check-timeout', '6s', '--check-idle', '4s']
/** For what fails at once, however busy the machine is. */
const LONG_LIMITS = ['--timeout', '10s', '--check-timeout', '20s', '--check-idle', '20s']

/** More than a large transfer sends altogether: only a reader that stalls lets so much wait. */
const FULL_BYTES = 2 ** 22

/** Answers each line with a custom function. */
const lines =
  (answer: (line: string, socket: Socket) => void): Script =>
  socket => {
    let rest = ''
    socket.setEncoding('utf8').on('data', (text: string) => {
      const whole = (rest + text).split('\n')
      rest = whole.pop() ?? ''
      for (const line of whole) answer(line, socket)
    })
    socket.on('end', () => socket.end())
  }

/** Echoes, but does something else from so many bytes on. */
const echoUntil =
  (bytes: number, then: (socket: Socket) => void): Script =>
  socket => {
    let received = 0
    socket.on('data', chunk => {
      received += chunk.length
      if (received >= bytes) then(socket)
      else socket.write(chunk)
    })
    socket.on('end', () => socket.end())
  }

/** Echoes to so many connections at a time, and does something else with others. */
function limited(limit: number, refuse: (socket: Socket) => void): Script {
  let open = 0
  return socket => {
    if (open >= limit) return refuse(socket)
    open++
    socket.on('close', () => open--)
    echo(socket)
  }
}

/** Echoes until the connection has been idle for two seconds. */
const idleLimited =
  (then: (socket: Socket) => void): Script =>
  socket => {
    echo(socket)
    socket.setTimeout(2_000, () => then(socket))
  }

/** Replies later than a FIN that comes with the request, however busy the machine is: one turn behind the timer. */
const replyLate = (socket: Socket, reply: Buffer) =>
  setTimeout(() => setImmediate(() => socket.writable && socket.write(reply)), 30)

/** Echoes byte by byte, each in a turn of its own: split in every place there is. */
const split: Script = socket => {
  let sent = Promise.resolve()
  lines(line => {
    sent = sent.then(async () => {
      for (const byte of Buffer.from(`${line}\n`)) {
        socket.write(Buffer.of(byte))
        await nextTurn()
      }
    })
  })(socket)
}

describe('a server that', () => {
  const wrong: [what: string, script: Script, check: string, verdict: string, meaning: RegExp][] = [
    [
      'closes immediately',
      socket => socket.end(),
      'hello',
      'failed: eof',
      /accepts connections for a server that is down, or a connection limit/,
    ],
    [
      'resets new connections',
      // Except the first one, which `connect` opens.
      (() => {
        let accepted = 0
        return (socket: Socket) => accepted++ > 0 && socket.resetAndDestroy()
      })(),
      'hello',
      'failed: reset',
      /accepts connections for a server that is down/,
    ],
    [
      'speaks first',
      socket => socket.write('220 hi\n') && echo(socket),
      'hello',
      'failed: mismatch',
      /sends data before the first request/,
    ],
    ['answers too little', lines((line, socket) => socket.write(line)), 'exchange', 'failed: timeout', /too short a reply/],
    ['answers too much', lines((line, socket) => socket.write(`${line}\n!`)), 'exchange', 'failed: mismatch', /modifies data/],
    [
      'answers twice',
      lines((line, socket) => socket.write(`${line}\n${line}\n`)),
      'exchange',
      'failed: mismatch',
      /not the expected server/,
    ],
    [
      'answers something else',
      lines((_, socket) => socket.write('HTTP/1.1 400 Bad Request\r\n')),
      'exchange',
      'failed: mismatch',
      /not the expected server/,
    ],
    [
      'answers late',
      lines((line, socket) => setTimeout(() => socket.write(`${line}\n`), 5_000)),
      'exchange',
      'failed: timeout',
      /hangs or is too slow/,
    ],
    ['never answers', socket => socket.resume(), 'exchange', 'failed: timeout', /hangs or is too slow/],
    ['closes instead of answering', lines((_, socket) => socket.end()), 'exchange', 'failed: eof', /instead of replying/],
    [
      'resets instead of answering',
      lines((_, socket) => socket.resetAndDestroy()),
      'exchange',
      'failed: reset',
      /crashes or aborts/,
    ],
    [
      'closes behind its first reply',
      lines((line, socket) => socket.end(`${line}\n`)),
      'exchange',
      'failed: eof',
      /only one request per connection/,
    ],
    [
      'resets behind its first reply',
      lines((line, socket) => socket.write(`${line}\n`, () => socket.resetAndDestroy())),
      'exchange',
      'failed: reset',
      /crashes or aborts/,
    ],
    [
      'turns each packet into text by itself',
      socket => socket.on('data', chunk => socket.write(chunk.toString())),
      'utf8-pieces',
      'failed: mismatch',
      /breaks characters that span two/,
    ],
    [
      'closes after a transfer of 1 MiB',
      echoUntil(2 ** 20, socket => socket.end()),
      'large',
      'failed: eof',
      /after an amount of data/,
    ],
    [
      'resets after a transfer of 1 MiB',
      echoUntil(2 ** 20, socket => socket.resetAndDestroy()),
      'large',
      'failed: reset',
      /after an amount of data/,
    ],
    [
      'stops reading after 1 MiB',
      echoUntil(2 ** 20, socket => socket.pause()),
      'large',
      'failed: timeout',
      /stalls during a transfer/,
    ],
    [
      'drops a byte of a large transfer',
      socket => {
        let received = 0
        socket.on('data', chunk => {
          const before = received
          received += chunk.length
          socket.write(before < 2 ** 20 && received >= 2 ** 20 ? chunk.subarray(1) : chunk)
        })
      },
      'large',
      'failed: mismatch',
      /modifies, loses or duplicates data/,
    ],
    [
      'ignores the end of the client',
      socket => socket.on('data', chunk => socket.write(chunk)),
      'half-close',
      'failed: timeout',
      /ignores the FIN/,
    ],
    [
      'closes when the client has, though a reply is under way',
      socket => {
        socket.on('data', chunk => replyLate(socket, chunk))
        socket.on('end', () => socket.end())
      },
      'half-close',
      'failed: eof',
      /replies in transit are lost/,
    ],
    [
      'resets when the client half-closes',
      socket => {
        socket.on('data', chunk => replyLate(socket, chunk))
        socket.on('end', () => socket.resetAndDestroy())
      },
      'half-close',
      'failed: reset',
      /does not support half-close/,
    ],
    [
      'fails each seventh connection',
      (() => {
        let accepted = 0
        return (socket: Socket) => (accepted++ % 7 === 6 ? socket.end() : echo(socket))
      })(),
      'short-connections',
      'failed: eof',
      /One of several servers/,
    ],
    [
      'closes the fourth connection',
      limited(3, socket => socket.end()),
      'concurrent',
      'failed: eof',
      /3 of 50 connections worked/,
    ],
    [
      'resets the fourth connection',
      limited(3, socket => socket.resetAndDestroy()),
      'concurrent',
      'failed: reset',
      /probably limits connections/,
    ],
    [
      'leaves the fourth connection waiting',
      limited(3, () => {}),
      'concurrent',
      'failed: timeout',
      /3 of 50 got a reply: a proxy queues connections above/,
    ],
    [
      'cuts slow readers off',
      socket => {
        socket.on('data', chunk => {
          socket.write(chunk)
          if (socket.writableLength > FULL_BYTES) socket.resetAndDestroy()
        })
        socket.on('end', () => socket.end())
      },
      'backpressure',
      'failed: reset',
      /resets the connections of slow readers/,
    ],
    [
      'discards output that a slow reader does not read',
      socket => {
        let full = false
        socket.on('data', chunk => {
          full ||= socket.writableLength > FULL_BYTES
          if (!full) socket.write(chunk)
        })
        socket.on('end', () => socket.end())
      },
      'backpressure',
      'failed: timeout',
      /drops unsent bytes/,
    ],
    [
      'loses a byte when its reader is slow',
      socket => {
        let lost = false
        socket.on('data', chunk => {
          const full = socket.writableLength > FULL_BYTES
          socket.write(full && !lost ? chunk.subarray(1) : chunk)
          lost ||= full
        })
        socket.on('end', () => socket.end())
      },
      'backpressure',
      'failed: mismatch',
      /loses or duplicates bytes/,
    ],
    ['closes silent connections', idleLimited(socket => socket.end()), 'idle', 'failed: eof', /idle timeout/],
    [
      'resets silent connections',
      idleLimited(socket => socket.resetAndDestroy()),
      'idle',
      'failed: reset',
      /resets idle connections/,
    ],
    [
      'forgets silent connections',
      idleLimited(socket => socket.unpipe()),
      'idle',
      'failed: timeout',
      /dropped the state of the idle connection/,
    ],
  ]

  const isTimeout = ([, , , verdict]: (typeof wrong)[number]) => verdict === 'failed: timeout'
  // Side by side: they mostly wait for what does not come.
  test.concurrent.each(wrong.filter(isTimeout))('%s', (_, ...fault) => expectFound(...fault))
  test.each(wrong.filter(fault => !isTimeout(fault)))('%s', (_, ...fault) => expectFound(...fault))

  async function expectFound(script: Script, name: string, verdict: string, meaning: RegExp): Promise<void> {
    await using server = await ScriptedServer.listen(script)
    // The simpler checks before it succeed: only this one finds the fault.
    const names = [...new Set([...['hello', 'exchange'].slice(0, name === 'hello' ? 0 : 2), name])]
    const limits = verdict === 'failed: timeout' ? LIMITS : LONG_LIMITS
    const run = await checkJson([`echo://127.0.0.1:${server.port}`, ...limits, '--only', names.join()])
    expect(verdicts(run)).toEqual(Object.fromEntries(names.map(each => [each, each === name ? verdict : 'ok'])))
    expect(result(run, name, 'failed').meaning).toMatch(meaning)
    expect([run.code, run.report.verdict]).toEqual([1, 'failed'])
  }

  test('closes on requests of 1,000 bytes or more: the size is reported', async () => {
    await using server = await ScriptedServer.listen(echoUntil(1_000, socket => socket.end()))
    const run = await checkJson([`echo://127.0.0.1:${server.port}`, ...LONG_LIMITS, '--only', 'exchange,sizes'])
    expect(verdicts(run)).toEqual({ exchange: 'ok', sizes: 'failed: eof' })
    expect(result(run, 'sizes', 'failed').figures).toMatchObject({ largestBytes: 512, failedBytes: 1_024 })
  })

  test('never answers: the size of requests is not blamed', async () => {
    await using server = await ScriptedServer.listen(socket => socket.resume())
    const run = await checkJson([`echo://127.0.0.1:${server.port}`, '--check-timeout', '500ms', '--only', 'sizes'])
    const { figures, meaning } = result(run, 'sizes', 'failed')
    expect(figures).toMatchObject({ largestBytes: 0, failedBytes: 1, smallRequest: 'failed' })
    expect(meaning).not.toMatch(/MTU/)
  })

  test('closes after two seconds of silence: the duration is reported', async () => {
    await using server = await ScriptedServer.listen(idleLimited(socket => socket.end()))
    const run = await checkJson([`echo://127.0.0.1:${server.port}`, '--only', 'idle', '--check-idle', '20s'])
    const { silentMs } = result(run, 'idle', 'failed').figures
    expect(silentMs).toBeGreaterThan(500) // from the reply, which may be read late
    expect(silentMs).toBeLessThan(20_000)
  })

  test('crashes during a check: later checks are skipped', async () => {
    let dead = false
    const script = echoUntil(2 ** 20, socket => {
      dead = true
      socket.destroy()
    })
    await using server = await ScriptedServer.listen(socket => (dead ? socket.destroy() : script(socket)))
    const run = await checkJson([
      `echo://127.0.0.1:${server.port}`,
      '--timeout',
      '10s',
      '--check-timeout',
      '5s',
      '--only',
      'exchange,large,half-close,idle',
    ])
    expect(verdicts(run)).toMatchObject({ exchange: 'ok', 'half-close': 'skipped', idle: 'skipped' })
    expect(result(run, 'idle', 'skipped').why).toBe('the target has not answered since large failed')
  })

  test('serves three connections: the number is reported', async () => {
    await using server = await ScriptedServer.listen(limited(3, socket => socket.end()))
    const run = await checkJson([`echo://127.0.0.1:${server.port}`, ...LONG_LIMITS, '--only', 'concurrent'])
    expect(result(run, 'concurrent', 'failed').figures).toMatchObject({ connections: 3, of: 50 })
  })

  test('splits its replies passes', async () => {
    await using server = await ScriptedServer.listen(split)
    const run = await checkJson([`echo://127.0.0.1:${server.port}`, '--only', 'hello,exchange,utf8-pieces,short-connections'])
    expect(run.code).toBe(0)
  })

  test('rejects with a REJECT frame: the reason is quoted', async () => {
    const reject = frame(5, '{"reason":"max_connections","limit":1}')
    await using server = await ScriptedServer.listen(socket => socket.end(reject))
    const run = await checkJson([`probe://127.0.0.1:${server.port}`, ...LONG_LIMITS])
    const { reason, detail, meaning } = result(run, 'hello', 'failed')
    expect([reason, detail, meaning]).toEqual(['rejected', 'max_connections', expect.stringMatching(/one of its limits/)])
  })
})

test('text from a server can control neither a terminal nor a report', async () => {
  const evil = '\u001b[2J\u0007</failure>]]>&\u202e#\u0000\r\nok 99 - all is well\n'
  await using server = await ScriptedServer.listen(socket => socket.on('data', () => socket.write(evil)))
  const url = `echo://127.0.0.1:${server.port}`
  for (const form of ['text', 'json', 'junit', 'tap']) {
    const { stdout } = await check([url, '--only', 'exchange', '--report', form])
    expect(stdout).not.toMatch(/[^\P{Cc}\n]|\u202e|^ok 99/mu)
    expect(stdout).toContain('all is well')
  }
})
