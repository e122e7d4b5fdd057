import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AddressInfo, isIPv6 } from 'node:net'
import { Registry } from 'prom-client'
import { listen } from './listen.ts'
import type { Logger } from './logger.ts'

// An import of node:http reads all its exports, of which WebSocket loads the whole HTTP client of fetch: 2.5 MB of heap that every garbage
// collection has to look through, for nothing.
const { createServer } = process.getBuiltinModule('node:http')

/** What one path of the admin endpoint answers. */
export interface Page {
  readonly status: number
  readonly type: string
  readonly body: string
}

export interface AdminOptions {
  /** Of the service. */
  readonly name: string
  readonly version: string
  readonly host: string
  /** 0 is any free port. */
  readonly port: number
  readonly registry: Registry
  readonly logger: Logger
  /** Undefined while the service does its own work, else the reason why it does not. */
  readonly notReady: () => string | undefined
  /** Further paths, each made anew for every request. */
  readonly pages: Readonly<Record<string, () => Page>>
}

/** A started endpoint. Services leave it open until their process ends, so that their last state can be scraped. */
export interface Admin {
  readonly port: number
  close(): void
}

export const plain = (status: number, body: string): Page => ({ status, type: 'text/plain; charset=utf-8', body: `${body}\n` })

export const json = (status: number, value: unknown): Page => ({
  status,
  type: 'application/json; charset=utf-8',
  body: `${JSON.stringify(value, null, 2)}\n`,
})

/**
 * Starts the HTTP endpoint for those who run the service: health, metrics, what is open. GET and HEAD only.
 * @throws {ListenError}
 */
export async function startAdmin({ name, version, host, port, registry, logger, notReady, pages }: AdminOptions): Promise<Admin> {
  const scrape = scraper(registry)
  const routes: Record<string, (request: IncomingMessage) => Page | Promise<Page>> = {
    '/livez': () => plain(200, 'alive'),
    '/readyz': () => {
      const reason = notReady()
      return reason === undefined ? plain(200, 'ready') : plain(503, `not ready: ${reason}`)
    },
    '/metrics': request => scrape(request.headers.accept ?? ''),
    ...pages,
    '/': () => ({ status: 200, type: 'text/html; charset=utf-8', body: overview(`${name} ${version}`, Object.keys(routes)) }),
  }

  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    answer(request, routes).then(
      page => send(response, page),
      error => {
        logger.error({ error }, 'admin request failed')
        send(response, plain(500, 'internal error'))
      },
    )
  })
  // Scrapers and probes are few. Whoever opens many connections here must not use up the files that the service itself needs.
  server.maxConnections = 64

  await listen(server, { host, port }, `the admin address ${host}:${port}`)
  const address = server.address() as AddressInfo
  logger.info({ address: address.address, family: address.family, port: address.port }, 'admin listening')
  return {
    port: address.port,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function answer(
  request: IncomingMessage,
  routes: Record<string, (request: IncomingMessage) => Page | Promise<Page>>,
): Promise<Page> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'only GET and HEAD')
  const path = request.url?.split('?')[0] ?? '/'
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined
  return route === undefined ? plain(404, `not found; there is ${Object.keys(routes).join(' ')}`) : route(request)
}

function send(response: ServerResponse, { status, type, body }: Page): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(status === 405 && { allow: 'GET, HEAD' }),
  })
  response.end(body)
}

/** Renders the registry in the format that was asked for. One at a time: the format is a state of the registry. */
function scraper(registry: Registry): (accept: string) => Promise<Page> {
  let last: Promise<unknown> = Promise.resolve()
  return accept => {
    const page = last.then(async () => {
      const openMetrics = accept.includes('application/openmetrics-text')
      registry.setContentType((openMetrics ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE) as never)
      return { status: 200, type: registry.contentType, body: await registry.metrics() }
    })
    last = page.catch(() => {})
    return page
  }
}

function overview(title: string, paths: string[]): string {
  const links = paths.map(path => `<li><a href="${path}">${path}</a></li>`).join('')
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><ul>${links}</ul></html>\n`
}

/** The exit code of a container's health check: 0 when the service on this machine says that it is ready. */
export async function checkHealth(host: string, port: number): Promise<number> {
  const wildcard = { '': '127.0.0.1', '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host
  const response = await fetch(`http://${isIPv6(wildcard) ? `[${wildcard}]` : wildcard}:${port}/readyz`, {
    signal: AbortSignal.timeout(2_000),
  }).catch(() => undefined)
  return response?.status === 200 ? 0 : 1
}
