import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { DEADLINE_MS, until } from '../../../tests/process/support/until.ts'
import { LogOutput } from './log-output.ts'

const NON_BLOCKING = constants.O_NONBLOCK
const MAX_WAITING_BYTES = 4 * 1024 * 1024

let folder: string
const open: number[] = []
const outputs: LogOutput[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nihao-'))
})
afterEach(async () => {
  for (const output of outputs.splice(0)) await output.end(0)
  for (const fd of open.splice(0)) closeSync(fd)
  rmSync(folder, { recursive: true })
})

function openFile(path: string, flags: number): number {
  const fd = openSync(path, flags, 0o600)
  open.push(fd)
  return fd
}

/** An output with the dropped lines that it reported. */
function outputTo(fd: number): { output: LogOutput; reported: number[] } {
  const reported: number[] = []
  const output = new LogOutput(fd, lines => {
    reported.push(lines)
    output.write(`dropped ${lines}\n`)
  })
  outputs.push(output)
  return { output, reported }
}

function closeFile(fd: number): void {
  open.splice(open.indexOf(fd), 1)
  closeSync(fd)
}

describe('a file', () => {
  let path: string
  let output: LogOutput
  beforeEach(() => {
    path = join(folder, 'log')
    output = outputTo(openFile(path, constants.O_CREAT | constants.O_WRONLY)).output
  })
  const written = () => readFileSync(path, 'utf8')

  test('gets a single line immediately', async () => {
    output.write('one\n')
    await until('the line', () => written() === 'one\n')
  })

  test('gets every line of a burst in order', async () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `${index} ${'你'.repeat(index % 50)}\n`)
    for (const line of lines) output.write(line)
    await output.end(DEADLINE_MS)
    expect(written()).toBe(lines.join(''))
    expect(output.droppedLines).toBe(0)
  })

  test('gets lines longer than a buffer', async () => {
    const lines = ['a\n', `${'b'.repeat(100_000)}\n`, 'c\n', `${'🀄'.repeat(50_000)}\n`, 'd\n']
    for (const line of lines) output.write(line)
    await output.end(DEADLINE_MS)
    expect(written()).toBe(lines.join(''))
  })

  test('gets no terminal control characters', async () => {
    const line = '{"peer":"\u009b2J \u202e é 你好"}\n'
    output.write(line)
    await output.end(DEADLINE_MS)
    expect(written()).toBe('{"peer":"\\u009b2J \\u202e é 你好"}\n')
    expect(JSON.parse(written())).toEqual(JSON.parse(line))
  })
})

describe('a pipe', () => {
  let path: string
  let reader: number
  let output: LogOutput
  let reported: number[]
  beforeEach(() => {
    path = join(folder, 'pipe')
    execFileSync('mkfifo', [path])
    reader = openFile(path, constants.O_RDONLY | NON_BLOCKING)
    ;({ output, reported } = outputTo(openFile(path, constants.O_WRONLY | NON_BLOCKING)))
  })

  /** Reads until the pipe is empty. */
  const read = () => {
    const buffer = Buffer.alloc(64 * 1024)
    let text = ''
    try {
      for (let size = 1; size > 0; text += buffer.toString('latin1', 0, size)) size = readSync(reader, buffer)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
    return text
  }

  /** Numbered lines of 100 bytes. */
  const writeLines = (count: number) => {
    for (let index = 0; index < count; index++) output.write(`${String(index).padEnd(99)}\n`)
  }

  test('without a reader gets all lines in order once it has one', async () => {
    writeLines(10_000)
    let text = ''
    await until('all lines', () => {
      text += read()
      return text.length === 1_000_000
    })
    expect(text.split('\n').slice(0, -1).map(Number)).toEqual(Array.from({ length: 10_000 }, (_, index) => index))
    expect(reported).toEqual([])
  })

  test('without a reader gets a bounded amount; the rest is dropped, counted and reported', async () => {
    const count = 60_000
    writeLines(count)
    const kept = count - output.droppedLines
    expect(kept * 100).toBeLessThanOrEqual(MAX_WAITING_BYTES)
    expect(kept * 100).toBeGreaterThan(MAX_WAITING_BYTES - 64 * 1024)
    let text = ''
    await until('the report', () => {
      text += read()
      return /dropped \d+\n/.test(text)
    })
    const lines = text.split('\n').slice(0, -1)
    expect(lines.pop()).toBe(`dropped ${count - kept}`)
    expect(lines.map(Number)).toEqual(Array.from({ length: kept }, (_, index) => index))
    expect(reported).toEqual([count - kept])
  })

  test('with a new reader is written again', async () => {
    closeFile(reader)
    output.write('first\n')
    await delay(20)
    reader = openFile(path, constants.O_RDONLY | NON_BLOCKING)
    output.write('second\n')
    let text = ''
    await until('both lines', () => {
      text += read()
      return text === 'first\nsecond\n'
    })
  })

  test('without a reader does not delay the end beyond the deadline', async () => {
    writeLines(10_000)
    const startMs = performance.now()
    await output.end(100)
    // Timers run on a clock that may be behind by a tick of the kernel.
    expect(performance.now() - startMs).toBeGreaterThan(50)
  })

  test('that is read again gets the rest before the end', async () => {
    writeLines(10_000)
    const ended = output.end(DEADLINE_MS)
    let text = ''
    await until('all lines', () => {
      text += read()
      return text.length === 1_000_000
    })
    await ended
  })
})

const withFullDisk = process.platform === 'linux' ? describe : describe.skip

withFullDisk('a full disk', () => {
  test('accepts nothing, and does not delay the end', async () => {
    const { output } = outputTo(openFile('/dev/full', constants.O_WRONLY))
    const line = `${'x'.repeat(999)}\n`
    for (let index = 0; index < 10_000; index++) output.write(line)
    expect((10_000 - output.droppedLines) * 1_000).toBeLessThanOrEqual(MAX_WAITING_BYTES)
    const startMs = performance.now()
    await output.end(2 * DEADLINE_MS)
    expect(performance.now() - startMs).toBeLessThan(DEADLINE_MS)
  })
})
