import { execFile } from 'node:child_process'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { GenericContainer, Network, type StartedNetwork, type StartedTestContainer, Wait } from 'testcontainers'
import manifest from '../../../package.json' with { type: 'json' }
import { DEADLINE_MS, until, untilEqual } from '../../process/support/until.ts'

const run = promisify(execFile)

/** Only bound hangs, on a machine where Docker may take half a minute for a command. */
const START_DEADLINE_MS = 150_000
const STOP_DEADLINE_SECONDS = 90

/** A line of a service's log. */
export type LogLine = Record<string, unknown> & { msg: string; time: string }

/** Container options as in Compose and Kubernetes: read-only, without capabilities, with a memory limit. */
class Hardened extends GenericContainer {
  constructor(image: string, memoryGibibytes: number) {
    super(image)
    this.hostConfig.ReadonlyRootfs = true
    this.withDroppedCapabilities('ALL')
    this.withSecurityOpt('no-new-privileges')
    this.withResourcesQuota({ memory: memoryGibibytes })
  }
}

/** A running server or client in a container. */
export class Service {
  readonly log: LogLine[] = []
  readonly #adminPort: number
  #container: StartedTestContainer | undefined

  constructor(adminPort: number) {
    this.#adminPort = adminPort
  }

  get id(): string {
    return this.container.getId()
  }

  get container(): StartedTestContainer {
    if (this.#container === undefined) throw new Error('not started')
    return this.#container
  }

  async start(
    image: string,
    network: StartedNetwork,
    alias: string,
    environment: Record<string, string>,
    memoryGibibytes = 0.125,
  ): Promise<this> {
    this.#container = await new Hardened(`${image}:${manifest.version}`, memoryGibibytes)
      .withNetwork(network)
      .withNetworkAliases(alias)
      .withEnvironment(environment)
      .withExposedPorts(this.#adminPort)
      .withWaitStrategy(Wait.forHttp('/readyz', this.#adminPort))
      .withStartupTimeout(START_DEADLINE_MS)
      .withLogConsumer(stream => createInterface(stream).on('line', line => this.log.push(parseLine(line))))
      .start()
    return this
  }

  /** Runs a docker command on this container: `await server.docker('pause')`. */
  async docker(...command: string[]): Promise<string> {
    return (await run('docker', [...command, this.id])).stdout.trim()
  }

  async get(path: string): Promise<Response> {
    // The published port changes when the container starts again.
    const published = (await run('docker', ['port', this.id, String(this.#adminPort)])).stdout
    // A connection for each request: an idle one may be closed by the service just when the next request is sent.
    const options = { headers: { connection: 'close' }, signal: AbortSignal.timeout(DEADLINE_MS) }
    const response = await fetch(`http://127.0.0.1:${/:(\d+)$/m.exec(published)?.[1]}${path}`, options)
    // A service that did not run for two seconds takes the request for one that did not arrive.
    return response.status === 408 ? this.get(path) : response
  }

  /** All series of the service by their text form. */
  async metrics(): Promise<Map<string, number>> {
    const text = await (await this.get('/metrics')).text()
    return new Map(
      text
        .split('\n')
        .filter(line => line !== '' && !line.startsWith('#'))
        .map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    )
  }

  /** Sum over the series of a metric that have all these labels. */
  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    return [...(await this.metrics())]
      .filter(([series]) => series.split('{')[0] === name && wanted.every(label => series.includes(label)))
      .reduce((sum, [, value]) => sum + value, 0)
  }

  /** Waits until a metric has this value. */
  async untilMetric(name: string, expected: number, labels: Record<string, string> = {}, timeoutMs?: number): Promise<void> {
    await untilEqual(`${name} ${JSON.stringify(labels)}`, expected, () => this.metric(name, labels), timeoutMs)
  }

  /** The log lines so far with this message and these fields. */
  lines(message: string, fields: Readonly<Record<string, unknown>> = {}): LogLine[] {
    const wanted = Object.entries({ msg: message, ...fields })
    return this.log.filter(line => wanted.every(([name, value]) => line[name] === value))
  }

  /** Waits for the first line with this message and these fields. */
  line(message: string, fields: Readonly<Record<string, unknown>> = {}): Promise<LogLine> {
    return until(`the log line "${message}" ${JSON.stringify(fields)}`, () => this.lines(message, fields)[0])
  }

  /** Stops the container like `docker stop`. @returns the exit code */
  async stop(): Promise<number> {
    await run('docker', ['stop', '--time', String(STOP_DEADLINE_SECONDS), this.id])
    return Number(await this.docker('inspect', '--format', '{{.State.ExitCode}}'))
  }
}

/** All containers of a test, on a separate network; `remove` removes them. */
export class Stage {
  readonly #started: (() => Promise<unknown>)[] = []
  #network: StartedNetwork | undefined

  async network(): Promise<StartedNetwork> {
    this.#network ??= await new Network().start()
    return this.#network
  }

  async server(environment: Record<string, string> = {}, memoryGibibytes?: number): Promise<Service> {
    const network = await this.network()
    return this.#add(await new Service(9464).start('nihao-server', network, 'server', environment, memoryGibibytes))
  }

  /** Targets are written `greet://server:1234?interval=100ms`. */
  async client(targets: string, environment: Record<string, string> = {}): Promise<Service> {
    const settings = { NIHAO_TARGETS: targets, ...environment }
    return this.#add(await new Service(9465).start('nihao-client', await this.network(), 'client', settings))
  }

  async other(container: GenericContainer): Promise<StartedTestContainer> {
    const started = await container
      .withNetwork(await this.network())
      .withStartupTimeout(START_DEADLINE_MS)
      .start()
    this.#started.unshift(() => started.stop())
    return started
  }

  async remove(): Promise<void> {
    const removals = await Promise.allSettled(this.#started.splice(0).map(remove => remove()))
    const network = this.#network
    this.#network = undefined
    await network?.stop()
    for (const removal of removals) if (removal.status === 'rejected') throw removal.reason
  }

  #add(service: Service): Service {
    this.#started.unshift(() => run('docker', ['rm', '--force', '--volumes', service.id]))
    return service
  }
}

/** Lines that are not JSON come from Node when the service crashes, and are shown with the log. */
function parseLine(line: string): LogLine {
  return line.startsWith('{') ? JSON.parse(line) : { time: '', msg: line }
}
