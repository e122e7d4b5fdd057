import { write } from 'node:fs'
import { promisify } from 'node:util'

const RETRY_MS = 20

const writeTo = promisify(write)

/**
 * Writes a whole report to stdout, at the reader's pace. It is no error if the reader closes the pipe early, as `head` does.
 * @throws the system error if the report could not be written, for example ENOSPC
 */
export async function writeReport(text: string): Promise<void> {
  // Node makes a pipe or terminal non-blocking when its stream is created: a blocked write would keep the process from exiting.
  const { fd } = process.stdout
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      const { bytesWritten } = await writeTo(fd, rest)
      rest = rest.subarray(bytesWritten)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE') return
      if (code !== 'EAGAIN') throw error
      await new Promise(resolve => setTimeout(resolve, RETRY_MS))
    }
  }
}
