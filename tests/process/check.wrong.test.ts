import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { check, checkJson, result, verdicts } from './support/check.ts'
import { frame } from './support/frames.ts'
import { echo, type Script, ScriptedServer } from './support/scripted-server.ts'

/** For replies that never come: what precedes them takes much less, however busy the machine is. */
const LIMITS = ['--timeout', '5s', '--check-timeout', '12s', '--check-idle', '10s']
/** For what fails at once. */
const LONG_LIMITS = ['--timeout', '30s', '--check-timeout', '40s', '--check-idle', '60s']
/** The path is full after a tenth of the limit: a server must not stand still for so long before. */
const FULL_LIMITS = ['--timeout', '10s', '--check-timeout', '24s']

/** Less than `--check-idle`, and more than a server or a client stands still between two exchanges. */
const IDLE_MS = 4_000

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

/**
 * Echoes to so many connections with requests at a time, and does something else with others. The FIN of an earlier connection is read before
 * a later one's request.
 */
function limited(limit: number, refuse: (socket: Socket) => void): Script {
  let served = 0
  return socket =>
    socket.once('data', request => {
      if (served >= limit) return refuse(socket)
      served++
      socket.once('end', () => served--)
      socket.write(request)
      echo(socket)
    })
}

/** Echoes until the connection has been idle for some time. */
const idleLimited =
  (then: (socket: Socket) => void): Script =>
  socket => {
    echo(socket)
    socket.setTimeout(IDLE_MS, () => then(socket))
  }

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
    [
      'speaks first, though late',
      socket => setTimeout(() => socket.write('220 hi\n') && echo(socket), 700),
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
      lines((line, socket) => setTimeout(() => socket.write(`${line}\n`), 60_000).unref()),
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
      socket => socket.resume().on('end', () => socket.end()),
      'half-close',
      'failed: eof',
      /replies in transit are lost/,
    ],
    [
      'resets when the client half-closes',
      socket => socket.resume().on('end', () => socket.resetAndDestroy()),
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

  const waits = ([, , check, verdict]: (typeof wrong)[number]) => verdict === 'failed: timeout' || check === 'idle'
  test.each(wrong.filter(fault => !waits(fault)))('%s', (_, ...fault) => expectFound(...fault))
  // Side by side, and beside the others: they mostly wait for what does not come.
  test.concurrent.each(wrong.filter(waits))('%s', (_, ...fault) => expectFound(...fault))

  async function expectFound(script: Script, name: string, verdict: string, meaning: RegExp): Promise<void> {
    await using server = await ScriptedServer.listen(script)
    const names = [...new Set([...simpler(name), name])]
    const limits = verdict !== 'failed: timeout' ? LONG_LIMITS : name === 'backpressure' ? FULL_LIMITS : LIMITS
    const run = await checkJson([`echo://127.0.0.1:${server.port}`, ...limits, '--only', names.join()])
    expect(verdicts(run)).toEqual(Object.fromEntries(names.map(each => [each, each === name ? verdict : 'ok'])))
    expect(result(run, name, 'failed').meaning).toMatch(meaning)
    expect([run.code, run.report.verdict]).toEqual([1, 'failed'])
  }

  /** The simpler checks before a check, which succeed: only this one finds the fault. */
  function simpler(name: string): string[] {
    if (name === 'hello') return []
    // Such a server would have to reply to those later than to a FIN that may be late itself.
    return name === 'half-close' ? [] : ['hello', 'exchange']
  }

  test('turns each packet into text by itself', async () => {
    let split = false
    const decode: Script = socket =>
      socket.on('data', chunk => {
        const text = chunk.toString()
        split ||= text.includes('\ufffd')
        socket.write(text)
      })
    await using server = await ScriptedServer.listen(decode)
    const args = [`echo://127.0.0.1:${server.port}`, ...LONG_LIMITS, '--only', 'hello,exchange,utf8-pieces']
    const passed = { hello: 'ok', exchange: 'ok', 'utf8-pieces': 'ok' }
    let run = await checkJson(args)
    // If this process stands still meanwhile, the pieces arrive as one.
    for (let again = 0; !split && again < 10; again++) {
      expect(verdicts(run)).toEqual(passed)
      run = await checkJson(args)
    }
    expect(verdicts(run)).toEqual({ ...passed, 'utf8-pieces': 'failed: mismatch' })
    expect(result(run, 'utf8-pieces', 'failed').meaning).toMatch(/breaks characters that span two/)
    expect([run.code, run.report.verdict]).toEqual([1, 'failed'])
  })

  test('closes on requests of 1,000 bytes or more: the size is reported', async () => {
    await using server = await ScriptedServer.listen(echoUntil(1_000, socket => socket.end()))
    const run = await checkJson([`echo://127.0.0.1:${server.port}`, ...LONG_LIMITS, '--only', 'exchange,sizes'])
    expect(verdicts(run)).toEqual({ exchange: 'ok', sizes: 'failed: eof' })
    expect(result(run, 'sizes', 'failed').figures).toMatchObject({ largestBytes: 512, failedBytes: 1_024 })
  })

  test.concurrent('never answers: the size of requests is not blamed', async () => {
    await using server = await ScriptedServer.listen(socket => socket.resume())
    const run = await checkJson([`echo://127.0.0.1:${server.port}`, '--check-timeout', '3s', '--only', 'sizes'])
    const { figures, meaning } = result(run, 'sizes', 'failed')
    expect(figures).toMatchObject({ largestBytes: 0, failedBytes: 1, smallRequest: 'failed' })
    expect(meaning).not.toMatch(/MTU/)
  })

  test.concurrent('closes after some seconds of silence: the duration is reported', async () => {
    await using server = await ScriptedServer.listen(idleLimited(socket => socket.end()))
    const run = await checkJson([`echo://127.0.0.1:${server.port}`, ...LONG_LIMITS, '--only', 'idle'])
    const { silentMs } = result(run, 'idle', 'failed').figures
    expect(silentMs).toBeGreaterThan(500) // from the reply, which may be read late
    expect(silentMs).toBeLessThan(60_000)
  })

  test.concurrent('crashes during a check: later checks are skipped', async () => {
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
      '10s',
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
