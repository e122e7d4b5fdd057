import { write } from 'node:fs'
import { promisify } from 'node:util'

const RETRY_MS = 20

const writeTo = promisify(write)

/**
 * Writes all of a report to stdout, at the reader's pace. A reader that has closed the pipe, such as `head`, has what it wanted.
 * @throws the error of the operating system when the report could not be written, for example ENOSPC
 */
export async function writeReport(text: string): Promise<void> {
  // Node makes a pipe or terminal non-blocking when its stream is created: a blocked write would hold the process at its end.
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
