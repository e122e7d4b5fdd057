import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type AddressInfo, isIPv6 } from 'node:net'
import { Registry } from 'prom-client'
import { htmlPage, type Page, plain, send } from './admin-page.ts'
import { evictConnections } from './evict-connections.ts'
import { hostCheck } from './host-check.ts'
import { listen } from './listen.ts'
import type { Logger } from './logger.ts'
import { toOpenMetrics } from './open-metrics.ts'
import { type Html, html } from './page/html.ts'
import { QueryError } from './page-query.ts'

// Importing node:http evaluates all its exports, and WebSocket loads the HTTP client behind fetch: 2.5 MB of wasted heap.
const { createServer } = process.getBuiltinModule('node:http')

/** Only a few clients scrape and probe; the service needs the file descriptors itself. */
const MAX_CONNECTIONS = 64

/** Limits for clients that send their request slowly or not at all. By default, Node checks only every 30 s. */
const TIMEOUTS = { headersTimeout: 2_000, requestTimeout: 2_000, connectionsCheckingInterval: 1_000 }

/** Limit for clients that do not read their response. */
const INACTIVITY_TIMEOUT_MS = 10_000

/** Makes a page of the service for the query and the headers of a request. */
export type PageOf = (query: URLSearchParams, headers: IncomingHttpHeaders) => Page | Promise<Page>

type Route = (request: IncomingMessage) => Page | Promise<Page>

export interface AdminOptions {
  /** Name of the service. */
  readonly name: string
  readonly version: string
  /** Empty or `::` = all addresses, IPv6 and IPv4. */
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  readonly registry: Registry
  readonly logger: Logger
  /** Undefined while the service is ready, otherwise the reason why it is not. */
  readonly notReady: () => string | undefined
  /** Pages of the service by path, also `/`; called for each request. A `QueryError` is answered with 400. */
  readonly pages: Readonly<Record<string, PageOf>>
}

/** A started admin endpoint. Services keep it open until the process exits, so that their last state can be scraped. */
export interface Admin {
  readonly port: number
  close(): void
}

/**
 * Starts the HTTP endpoint for operators: health, metrics, state. GET and HEAD only.
 * @throws {ListenError}
 */
export async function startAdmin({ name, version, host, port, registry, logger, notReady, pages }: AdminOptions): Promise<Admin> {
  const home = pages['/'] ?? (() => htmlPage(overview(`${name} ${version}`, Object.keys(routes))))
  const routes: Record<string, Route> = {
    '/livez': () => plain(200, 'alive'),
    '/readyz': () => {
      const reason = notReady()
      return reason === undefined ? plain(200, 'ready') : plain(503, `not ready: ${reason}`)
    },
    '/metrics': request => scrape(registry, request.headers.accept ?? ''),
    ...Object.fromEntries(Object.entries({ ...pages, '/': home }).map(([path, page]) => [path, withQuery(page)])),
  }

  let wrongHost = (_host: string | undefined): string | undefined => undefined
  const server = createServer(TIMEOUTS, (request, response) => {
    const problem = wrongHost(request.headers.host)
    const answered = problem === undefined ? answer(request, routes) : Promise.resolve(plain(421, problem))
    answered.then(
      page => send(response, page),
      error => {
        logger.error({ error }, 'admin request failed')
        send(response, plain(500, 'internal error'))
      },
    )
  })
  server.setTimeout(INACTIVITY_TIMEOUT_MS)
  evictConnections(server, MAX_CONNECTIONS)

  await listen(server, { host, port }, `the admin address ${isIPv6(host) ? `[${host}]` : host}:${port}`)
  const address = server.address() as AddressInfo
  wrongHost = hostCheck(address.address, host)
  logger.info({ address: address.address, family: address.family, port: address.port }, 'admin listening')
  return {
    port: address.port,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Passes the query of the request on to a page. */
const withQuery =
  (page: PageOf): Route =>
  async ({ url = '', headers }) => {
    try {
      return await page(new URLSearchParams(url.slice(url.split('?', 1)[0]?.length)), headers)
    } catch (error) {
      if (error instanceof QueryError) return plain(400, error.message)
      throw error
    }
  }

async function answer(request: IncomingMessage, routes: Record<string, Route>): Promise<Page> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'only GET and HEAD are allowed')
  const path = request.url?.split('?')[0] ?? '/'
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined
  return route === undefined ? plain(404, `not found; available: ${Object.keys(routes).join(' ')}`) : route(request)
}

async function scrape(registry: Registry, accept: string): Promise<Page> {
  const text = await registry.metrics()
  return accept.includes('application/openmetrics-text')
    ? { status: 200, type: Registry.OPENMETRICS_CONTENT_TYPE, body: toOpenMetrics(text) }
    : { status: 200, type: Registry.PROMETHEUS_CONTENT_TYPE, body: text }
}

const overview = (title: string, paths: string[]): Html =>
  html`<html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><ul>${paths.map(
    path => html`<li><a href="${path}">${path}</a></li>`,
  )}</ul></html>`
