import { burstAgainAndAgain, losePackets, neverRead, replaceServers, spoilCertificates, stopAgainAndAgain } from './causes.ts'
import type { Pair, PairOptions } from './pair.ts'

/** A fault, and the alerts that it fires: these and no others. */
export interface Fault extends PairOptions {
  readonly name: string
  readonly description: string
  readonly alerts: readonly string[]
  /** Part of the test suite. */
  readonly quick?: true
  /** Prometheus finds the servers by DNS, as where they come and go. */
  readonly discovered?: true
  /** Called before the client starts. */
  prepare?(pair: Pair): Promise<unknown>
  /** Causes the fault, where the options above have not already. */
  begin?(pair: Pair): Promise<unknown>
}

const greet = 'greet://SERVER:1234?interval=200ms'
const greetTls = 'greet+tls://SERVER:1234?interval=200ms&ca=/tls/ca.crt'
const tls = { NIHAO_LISTEN: 'greet+tls://:1234', NIHAO_CERT: '/tls/tls.crt', NIHAO_KEY: '/tls/tls.key' }

/** Runs a command of the image with its standard output on a full disk. */
const ON_A_FULL_DISK = `require('child_process').spawn(process.execPath, ['/app/services/server/src/main.js'],
  { stdio: ['ignore', require('fs').openSync('/dev/full', 'w'), 'inherit'] })`

export const faults: readonly Fault[] = [
  {
    name: 'health',
    description: 'nothing',
    quick: true,
    alerts: [],
  },
  {
    name: 'old-connections',
    description: 'connections reach their maximum age (max-age=2s)',
    server: { NIHAO_MAX_AGE: '2s' },
    alerts: [],
  },
  {
    name: 'rollout',
    description: 'two servers are replaced one after the other',
    quick: true,
    discovered: true,
    servers: 2,
    // A drain of ten seconds is stuck where the rules are so much faster.
    server: { NIHAO_DRAIN_DELAY: '2s' },
    alerts: [],
    begin: pair => replaceServers(pair),
  },
  {
    name: 'kill',
    description: 'the server is killed',
    quick: true,
    alerts: ['NihaoAbsent', 'NihaoErrorBudgetFastBurn', 'NihaoTargetDown'],
    begin: ({ server }) => server.do('kill'),
  },
  {
    name: 'pause',
    description: 'the server is paused',
    quick: true,
    alerts: ['NihaoAbsent', 'NihaoErrorBudgetFastBurn', 'NihaoTargetDown'],
    begin: ({ server }) => server.do('pause'),
  },
  {
    name: 'stalls',
    description: 'the server stands still for 2 s, four times',
    alerts: ['NihaoOutages'],
    begin: ({ server }) => stopAgainAndAgain(server, 2_000, 15_000, 4),
  },
  {
    name: 'client',
    description: 'the client is killed',
    alerts: ['NihaoAbsent'],
    begin: ({ client }) => client.do('kill'),
  },
  {
    name: 'corrupt',
    description: 'one of ten replies has a wrong byte (corrupt=0.1)',
    quick: true,
    server: { NIHAO_LISTEN: 'probe://:7000?corrupt=0.1' },
    targets: 'probe://SERVER:7000?interval=200ms',
    alerts: ['NihaoCorruption', 'NihaoErrorBudgetFastBurn', 'NihaoOutages'],
  },
  {
    name: 'refuse',
    description: 'half of new connections are refused (refuse=0.5)',
    quick: true,
    server: { NIHAO_LISTEN: 'greet://:1234?refuse=0.5' },
    targets: `${greet}&fresh=true`,
    alerts: ['NihaoErrorBudgetFastBurn', 'NihaoOutages', 'NihaoRejecting'],
  },
  {
    name: 'full',
    description: 'five sessions with a listener that takes four (max-connections=4)',
    quick: true,
    server: { NIHAO_LISTEN: 'greet://:1234?max-connections=4' },
    targets: `${greet}&connections=5`,
    alerts: ['NihaoErrorBudgetFastBurn', 'NihaoNearConnectionLimit', 'NihaoRejecting'],
  },
  {
    name: 'certificate',
    description: 'a certificate of one day',
    quick: true,
    certificateDays: 1,
    server: tls,
    targets: greetTls,
    alerts: ['NihaoCertificateExpires'],
  },
  {
    name: 'untrusted',
    description: 'the client does not know the CA of the server',
    certificateDays: 90,
    server: tls,
    targets: 'greet+tls://SERVER:1234?interval=200ms',
    alerts: ['NihaoErrorBudgetFastBurn', 'NihaoTargetDown'],
  },
  {
    name: 'reload',
    description: 'the certificates of both are replaced by unusable files',
    certificateDays: 90,
    server: tls,
    targets: greetTls,
    alerts: ['NihaoCertificateReloadFails'],
    begin: spoilCertificates,
  },
  {
    name: 'slow-reader',
    description: 'three clients do not read their replies',
    server: { NIHAO_SLOW_READER_TIMEOUT: '2s' },
    alerts: ['NihaoSlowReaders'],
    begin: neverRead,
  },
  {
    name: 'accept-queue',
    description: '300 connections at once, eight times, with an accept queue of two',
    serverOptions: ['--sysctl', 'net.core.somaxconn=2'],
    alerts: ['NihaoListenOverflows'],
    begin: burstAgainAndAgain,
  },
  {
    name: 'drain',
    description: 'a drain that lasts (NIHAO_DRAIN_DELAY=60m)',
    server: { NIHAO_DRAIN_DELAY: '60m' },
    alerts: ['NihaoDrainStuck'],
    begin: ({ server }) => server.do('kill', '--signal', 'TERM'),
  },
  {
    name: 'repeated-pings',
    description: 'a proxy sends some requests twice',
    server: { NIHAO_MAX_AGE: '2s' },
    targets: 'probe://repeated-pings-proxy:7000?interval=200ms',
    alerts: ['NihaoCountersDiffer'],
    prepare: ({ laboratory, images, serverName }) =>
      laboratory.start('repeated-pings-proxy', images.server, {
        options: ['--entrypoint', 'node', '--volume', `${import.meta.dirname}/repeat-pings.mjs:/repeat-pings.mjs:ro`],
        args: ['/repeat-pings.mjs', '7000', serverName],
      }),
  },
  {
    name: 'slower',
    description: 'the server is replaced by one that answers after 50 ms (delay=50ms)',
    discovered: true,
    targets: 'probe://SERVER:7000?interval=200ms',
    alerts: ['NihaoLatencyHigh'],
    begin: pair => replaceServers(pair, { NIHAO_LISTEN: 'probe://:7000?delay=50ms' }),
  },
  {
    name: 'loss',
    description: 'the client loses one of ten packets that arrive',
    targets: greet,
    alerts: ['NihaoLatencyHigh', 'NihaoRetransmissions'],
    begin: losePackets,
  },
  {
    name: 'slow-client',
    description: 'the client stands still for 250 ms, 60 times',
    alerts: ['NihaoLatencyHigh', 'NihaoProberLags'],
    begin: ({ client }) => stopAgainAndAgain(client, 250, 500, 60),
  },
  {
    name: 'full-disk',
    description: 'the disk that takes the log of the server is full',
    serverOptions: ['--entrypoint', 'node'],
    serverArgs: ['-e', ON_A_FULL_DISK],
    // A line for each connection, of which the server keeps four megabytes before it drops any.
    targets: 'greet://SERVER:1234?interval=7ms&fresh=true',
    alerts: ['NihaoLogLinesDropped'],
  },
]
