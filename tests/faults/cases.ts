import { setTimeout as delay } from 'node:timers/promises'
import type { FaultCase } from './fault-case.ts'
import { type Laboratory, NAME } from './laboratory.ts'
import { OTHER_SERVERS, PATH, SERVER } from './network.ts'

const server = { kinds: ['outage'], sides: ['server'], clock: 'witness' } as const
const path = { kinds: ['outage'], sides: ['path'], clock: 'witness' } as const
const client = { kinds: ['outage'], sides: ['client'], clock: 'laboratory' } as const
const nameService = { kinds: ['outage'], sides: ['name_service'], clock: 'laboratory' } as const
const noOutage = { kinds: ['none'], sides: [], clock: 'none' } as const
const reconnect = { kinds: ['reconnect'], sides: [], clock: 'none' } as const

/** A new connection for each exchange, and no session. */
const FRESH = '?connections=0&fresh=true'

const message = (sizeBytes: number) => ({ NIHAO_MESSAGE: 'x'.repeat(sizeBytes) })
const signalServer = (signal: NodeJS.Signals) => (lab: Laboratory) => lab.server.kill(signal)
const signalClient = (signal: NodeJS.Signals) => (lab: Laboratory) => lab.client.kill(signal)
const startServer = (lab: Laboratory) => lab.startServer()

/** Rules of the router on the path, or of another namespace, that exist as long as the fault. */
function rules(rule: string, ...more: readonly string[]) {
  const change = (action: string) => (lab: Laboratory) =>
    lab.network.run('path', [rule, ...more].map(rule => `iptables -w ${action} FORWARD ${rule}`).join('\n'))
  return { inject: change('-I'), heal: change('-D') }
}

const TO_SERVER = '-i client -o server -p tcp'
const FROM_SERVER = '-i server -o client -p tcp'

const TWO_SERVERS = { servers: [SERVER, OTHER_SERVERS[0]] }

/** The router drops what its own proxy exchanges with the server. */
const behindProxy = {
  inject: ({ network }: Laboratory) => network.run('path', 'iptables -w -I OUTPUT -o server -p tcp -j DROP'),
  heal: ({ network }: Laboratory) => network.run('path', 'iptables -w -D OUTPUT -o server -p tcp -j DROP'),
}

/** A fault of the user-space path. */
function onPath(...commands: readonly string[]) {
  return {
    link: 'tun',
    inject: async ({ path }: Laboratory) => {
      for (const command of commands) await path.command(command)
    },
    heal: ({ path }: Laboratory) => path.command('clear'),
  } as const
}

/** A NAT with these further lines of setup; each new connection gets a random port. */
const nat =
  (...lines: readonly string[]) =>
  ({ network }: Laboratory) =>
    network.run('path', ['iptables -w -t nat -A POSTROUTING -o server -j MASQUERADE --random-fully', ...lines].join('\n'))

/** A NAT that takes up no connection in the middle drops what it does not know. */
const STRICT = [
  'sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0',
  'iptables -w -A FORWARD -m conntrack --ctstate INVALID -j DROP',
]

const setInClient = (name: string, value: string) => (lab: Laboratory) =>
  lab.network.run('client', `sysctl -qw ${name}="${value}"`)
const limitFiles = (limit: string) => (lab: Laboratory) =>
  lab.network.run('client', `prlimit --pid ${lab.client.pid} --nofile=${limit}:`)

/** A client that looks the name up only on its own schedule stays on a draining server until its drain timeout. */
const RESOLVE_ALL = '?resolve=all&resolve-interval=4s'
const NAME_CHANGE_MS = 5_000
const DRAIN = { NIHAO_DRAIN_DELAY: '500ms', NIHAO_DRAIN_TIMEOUT: '1s' }
/** A second server takes over the name, then the first one drains. */
async function replaceServer(lab: Laboratory): Promise<void> {
  const { server } = lab
  const [address] = OTHER_SERVERS
  await lab.startServer({ address, env: DRAIN })
  await lab.names.command(`addresses ${SERVER} ${address}`)
  await delay(NAME_CHANGE_MS)
  await lab.names.command(`addresses ${address}`)
  server.kill('SIGTERM')
  await server.exit()
}

/** One server becomes four, then two, then one; each drains as it leaves the name. */
async function scale(lab: Laboratory): Promise<void> {
  const others = await Promise.all(OTHER_SERVERS.map(address => lab.startServer({ address, env: DRAIN })))
  await lab.names.command(`addresses ${[SERVER, ...OTHER_SERVERS].join(' ')}`)
  await delay(NAME_CHANGE_MS)
  for (const left of [1, 0]) {
    await lab.names.command(`addresses ${[SERVER, ...OTHER_SERVERS.slice(0, left)].join(' ')}`)
    const leaving = others.splice(left)
    for (const server of leaving) server.kill('SIGTERM')
    await Promise.all(leaving.map(server => server.exit()))
  }
}

/** Every fault, with what the client must say of it, or at least not deny. */
export const cases: readonly FaultCase[] = [
  {
    name: 'server killed and restarted',
    ...server,
    inject: signalServer('SIGKILL'),
    heal: startServer,
  },
  {
    name: 'server stopped (SIGSTOP)',
    ...server,
    inject: signalServer('SIGSTOP'),
    heal: signalServer('SIGCONT'),
  },
  {
    name: 'event loop of the server blocked',
    ...server,
    inject: signalServer('SIGUSR2'),
  },
  {
    name: 'event loop of the server blocked for 200 ms',
    ...noOutage,
    serverEnv: { BLOCK_MS: '200' },
    inject: signalServer('SIGUSR2'),
    holdMs: 500,
  },
  {
    name: 'server reads nothing (window closed)',
    ...server,
    clientEnv: message(65_536),
    prepare: lab => lab.network.run('server', 'sysctl -qw net.ipv4.tcp_rmem="4096 8192 8192"'),
    inject: signalServer('SIGSTOP'),
    heal: signalServer('SIGCONT'),
  },
  {
    name: 'server reads and does not answer',
    ...server,
    clock: 'none',
    serverEnv: { NIHAO_STALL_AFTER: '20n' },
    inject: () => {},
    holdMs: 6_000,
  },
  {
    name: 'nobody listens at first',
    ...noOutage,
    withoutServer: true,
    inject: () => {},
    heal: startServer,
  },
  {
    name: 'server ends, nobody listens (refused)',
    ...server,
    serverEnv: { NIHAO_DRAIN_TIMEOUT: '100ms' },
    inject: signalServer('SIGTERM'),
    heal: startServer,
  },
  {
    name: 'host gone (link down)',
    ...path,
    inject: ({ network }) => network.run('server', 'ip link set eth0 down'),
    heal: ({ network }) => network.run('server', 'ip link set eth0 up; ip route add default via 10.77.2.1'),
  },
  { name: 'DROP client → server', ...path, ...rules(`${TO_SERVER} -j DROP`) },
  {
    // The server's reason for closing the connection is an effect of the fault.
    name: 'DROP client → server, idle timeout of the server',
    ...path,
    serverEnv: { NIHAO_IDLE_TIMEOUT: '1s' },
    ...rules(`${TO_SERVER} -j DROP`),
  },
  { name: 'DROP server → client', ...path, ...rules(`${FROM_SERVER} -j DROP`) },
  { name: 'DROP in both directions', ...path, ...rules(`${TO_SERVER} -j DROP`, `${FROM_SERVER} -j DROP`) },
  {
    name: "DROP by the client's own firewall",
    ...path,
    inject: ({ network }) => network.run('client', 'iptables -w -I OUTPUT -o eth0 -p tcp -j DROP'),
    heal: ({ network }) => network.run('client', 'iptables -w -D OUTPUT -o eth0 -p tcp -j DROP'),
  },
  { name: 'RST forged to the client only', ...path, ...onPath('reset client') },
  { name: 'RST forged to the server only', ...path, ...onPath('reset server') },
  { name: 'RST forged to both', ...path, ...onPath('reset both') },
  { name: 'REJECT with tcp-reset on the path', ...path, ...rules(`${TO_SERVER} -j REJECT --reject-with tcp-reset`) },
  {
    name: 'haproxy closes idle connections',
    ...reconnect,
    host: PATH,
    options: '?interval=1500ms',
    prepare: lab => lab.startProxy({ idleTimeout: '1s' }),
    inject: () => {},
    holdMs: 5_000,
  },
  {
    name: 'haproxy times out on a stopped server',
    ...server,
    // The proxy cut the connections, because the server did not answer: both are right.
    sides: ['server', 'path'],
    host: PATH,
    prepare: lab => lab.startProxy({ idleTimeout: '500ms' }),
    inject: signalServer('SIGSTOP'),
    heal: signalServer('SIGCONT'),
  },
  {
    name: 'haproxy killed and restarted',
    ...path,
    host: PATH,
    prepare: lab => lab.startProxy(),
    inject: lab => lab.killProxy(),
    heal: lab => lab.startProxy(),
  },
  {
    name: 'haproxy over two servers, killed and restarted',
    ...path,
    host: PATH,
    prepare: async lab => {
      await lab.startServer({ address: OTHER_SERVERS[0] })
      await lab.startProxy(TWO_SERVERS)
    },
    inject: lab => lab.killProxy(),
    heal: lab => lab.startProxy(TWO_SERVERS),
  },
  {
    // The kernel of the proxy accepts connections and acknowledges requests, as that of a stopped server would.
    name: 'DROP between haproxy and the server',
    ...path,
    host: PATH,
    prepare: lab => lab.startProxy(),
    ...behindProxy,
  },
  {
    name: 'DROP between haproxy and the server, large messages',
    ...path,
    host: PATH,
    clientEnv: message(65_536),
    prepare: lab => lab.startProxy(),
    ...behindProxy,
  },
  {
    name: 'NAT flushed, resets',
    ...path,
    clock: 'none',
    prepare: nat(),
    inject: ({ network }) => network.run('path', 'conntrack -F'),
  },
  {
    name: 'NAT flushed, drops',
    ...path,
    clock: 'none',
    prepare: nat(...STRICT),
    inject: ({ network }) => network.run('path', 'conntrack -F'),
  },
  {
    name: 'idle NAT forgets, drops',
    ...path,
    clock: 'none',
    options: '?interval=2500ms',
    prepare: nat(...STRICT, 'sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=1'),
    inject: () => {},
    holdMs: 8_000,
    heal: ({ network }) => network.run('path', 'sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=600'),
  },
  {
    name: 'client stopped (SIGSTOP)',
    ...client,
    // Replies that arrived meanwhile may still count as answers.
    clock: 'none',
    kinds: ['outage', 'none'],
    inject: signalClient('SIGSTOP'),
    heal: signalClient('SIGCONT'),
  },
  {
    name: 'client stopped, replies on the way',
    ...client,
    clock: 'none',
    kinds: ['outage', 'none'],
    link: 'tun',
    prepare: ({ path }) => path.command('delay from_server 60'),
    inject: signalClient('SIGSTOP'),
    heal: signalClient('SIGCONT'),
  },
  {
    name: 'client with 5 % of a core',
    ...client,
    clock: 'none',
    kinds: ['outage', 'none'],
    options: '?connections=5&interval=5ms',
    inject: lab => lab.limitClientCpu(0.05),
    heal: lab => lab.unlimitClientCpu(),
  },
  {
    name: 'client out of files',
    ...client,
    options: FRESH,
    inject: limitFiles('8'),
    heal: limitFiles('1000'),
  },
  {
    name: 'client out of ports',
    ...client,
    options: FRESH,
    inject: setInClient('net.ipv4.ip_local_reserved_ports', '32768-60999'),
    heal: setInClient('net.ipv4.ip_local_reserved_ports', ''),
  },
  {
    name: 'DNS fails',
    ...nameService,
    host: NAME,
    options: FRESH,
    prepare: lab => lab.startNames(),
    inject: ({ names }) => names.command('fail'),
    heal: ({ names }) => names.command(`addresses ${SERVER}`),
  },
  {
    name: 'DNS slow',
    ...nameService,
    host: NAME,
    options: FRESH,
    prepare: lab => lab.startNames(),
    inject: ({ names }) => names.command('slow 2000'),
    heal: ({ names }) => names.command(`addresses ${SERVER}`),
    // Answers to queries of the fault arrive after it.
    clock: 'none',
  },
  { name: 'bytes corrupted client → server', ...path, clientEnv: message(64), ...onPath('corrupt to_server 1') },
  { name: 'bytes corrupted server → client', ...path, clientEnv: message(64), ...onPath('corrupt from_server 1') },
  {
    name: 'accept queue full, session open',
    ...server,
    prepare: lab => lab.network.run('server', 'sysctl -qw net.core.somaxconn=4'),
    inject: signalServer('SIGSTOP'),
    heal: signalServer('SIGCONT'),
  },
  {
    name: 'accept queue full, new connections',
    ...server,
    options: FRESH,
    prepare: lab => lab.network.run('server', 'sysctl -qw net.core.somaxconn=4'),
    inject: signalServer('SIGSTOP'),
    heal: signalServer('SIGCONT'),
  },
  {
    // The queue fills between SYN and ACK: the client's kernel has connections that the server's kernel ignores.
    name: 'accept queue full, slow path',
    ...server,
    clock: 'none',
    link: 'tun',
    options: `${FRESH}&interval=10ms`,
    prepare: async ({ network, path }) => {
      await network.run('server', 'sysctl -qw net.core.somaxconn=4')
      await path.command('delay to_server 50')
    },
    inject: signalServer('SIGSTOP'),
    heal: signalServer('SIGCONT'),
  },
  {
    name: 'planned restart, resolve=all',
    ...noOutage,
    kinds: ['none', 'reconnect'],
    host: NAME,
    options: RESOLVE_ALL,
    prepare: lab => lab.startNames(),
    serverEnv: DRAIN,
    inject: replaceServer,
    holdMs: 0,
  },
  {
    name: 'planned restart, resolve=first',
    ...noOutage,
    kinds: ['none', 'reconnect'],
    host: NAME,
    prepare: lab => lab.startNames(),
    serverEnv: DRAIN,
    inject: replaceServer,
    holdMs: 0,
  },
  {
    name: 'scale 1 → 4 → 2 → 1, resolve=all',
    ...noOutage,
    kinds: ['none', 'reconnect'],
    host: NAME,
    options: RESOLVE_ALL,
    prepare: lab => lab.startNames(),
    serverEnv: DRAIN,
    inject: scale,
    holdMs: 0,
  },
  {
    name: 'idle FIN of the server',
    ...reconnect,
    // The FIN comes a second before the next exchange: a busy machine must not let them cross.
    options: '?interval=3s',
    serverEnv: { NIHAO_IDLE_TIMEOUT: '2s' },
    inject: () => {},
    holdMs: 4_000,
  },
  {
    name: 'MTU black hole',
    ...path,
    // The witness's packets are small.
    clock: 'laboratory',
    clientEnv: message(4_000),
    ...onPath('mtu to_server 1000', 'mtu from_server 1000'),
  },
  {
    name: '5 % loss',
    ...path,
    kinds: ['none', 'outage'],
    clock: 'none',
    ...onPath('loss to_server 0.05', 'loss from_server 0.05'),
    holdMs: 8_000,
  },
  { name: '50 ms more to the server', ...noOutage, ...onPath('delay to_server 50') },
  { name: '50 ms more from the server', ...noOutage, ...onPath('delay from_server 50') },
]
