import type { ServerResponse } from 'node:http'
import type { Html } from './page/html.ts'

/** Pages contain text from the network. It is escaped, and nothing that gets through can load, run or send anything. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
}

/** The response to a request for one path. */
export interface Page {
  readonly status: number
  readonly type: string
  readonly body: string
}

export const plain = (status: number, body: string): Page => ({ status, type: 'text/plain; charset=utf-8', body: `${body}\n` })

export const htmlPage = (content: Html): Page => ({
  status: 200,
  type: 'text/html; charset=utf-8',
  body: `<!doctype html>${content}\n`,
})

export const json = (status: number, value: unknown): Page => ({
  status,
  type: 'application/json; charset=utf-8',
  body: `${JSON.stringify(value, null, 2)}\n`,
})

/** Sends the page as the response to a request. */
export function send(response: ServerResponse, { status, type, body }: Page): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    ...HEADERS,
    ...(status === 405 && { allow: 'GET, HEAD' }),
  })
  response.end(body)
}
