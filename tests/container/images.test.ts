import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import manifest from '../../package.json' with { type: 'json' }
import { until } from '../process/support/until.ts'
import { describeWithDocker, docker } from './docker.ts'

const MAX_SIZE_BYTES = 190_000_000
const GRACE_SECONDS = 90

interface ImageConfig {
  readonly User: string
  readonly Env: string[]
  readonly Entrypoint: string[]
  readonly Cmd: string[] | null
  readonly Labels: Record<string, string>
  readonly Healthcheck: { readonly Test: string[] }
}

/** A seccomp profile with which the kernel does not know IPv6: socket(AF_INET6, …) fails with EAFNOSUPPORT. */
const withoutIpv6 = join(mkdtempSync(join(tmpdir(), 'nihao-')), 'seccomp.json')
const AF_INET6 = 10
const EAFNOSUPPORT = 97
const noSocket = {
  names: ['socket'],
  action: 'SCMP_ACT_ERRNO',
  errnoRet: EAFNOSUPPORT,
  args: [{ index: 0, value: AF_INET6, op: 'SCMP_CMP_EQ' }],
}

beforeAll(() => writeFileSync(withoutIpv6, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [noSocket] })))
afterAll(() => rmSync(dirname(withoutIpv6), { recursive: true }))

for (const service of ['server', 'client']) {
  const image = `nihao-${service}:${manifest.version}`
  const main = `/app/services/${service}/src/main.js`
  const nodeOptions = service === 'server' ? ['--max-semi-space-size=4'] : []

  describeWithDocker(`the image of the ${service}`, () => {
    let config: ImageConfig
    let sizeBytes: number
    let files: string[]
    const started: string[] = []

    beforeAll(async () => {
      const [inspected] = JSON.parse(await docker(['image', 'inspect', image]))
      config = inspected.Config
      sizeBytes = inspected.Size
      files = await listFiles(image)
    })
    afterEach(async () => {
      for (const id of started.splice(0)) await docker(['rm', '--force', '--volumes', id])
    })

    test('is small', () => {
      expect(sizeBytes).toBeLessThan(MAX_SIZE_BYTES)
    })

    test('starts node directly, as a numeric unprivileged user, and has a description', () => {
      expect(config.User).toMatch(/^[1-9][0-9]*:[1-9][0-9]*$/)
      expect(config.Entrypoint).toEqual(['node', ...nodeOptions, main])
      expect(config.Cmd).toBeNull()
      expect(config.Healthcheck.Test).toEqual(['CMD', 'node', main.replace('main', 'healthcheck')])
      expect(config.Env).toContain('NODE_ENV=production')
      expect(config.Labels).toMatchObject({
        'org.opencontainers.image.title': `nihao-${service}`,
        'org.opencontainers.image.version': manifest.version,
      })
    })

    test('has no shell and no package manager', () => {
      const programs = files.filter(file => /(^|\/)s?bin\/[^/]+$/.test(file)).map(file => file.split('/').at(-1))
      expect(programs).toContain('node')
      expect(
        programs.filter(name => /^((r?ba|da|a|z|k|c|tc|fi)?sh|busybox|toybox|apt(-get)?|dpkg|npm|npx)$/.test(name ?? '')),
      ).toEqual([])
    })

    test('contains only the production files of the project', () => {
      const own = files.filter(file => file.startsWith('app/'))
      expect(own).toContain(main.slice(1))
      expect(own.filter(file => /\.([cm]?ts|map|tsbuildinfo)$|\.test\.|\/tests?\//.test(file))).toEqual([])
      expect(own.filter(file => file.startsWith('app/services/') && !file.startsWith(`app/services/${service}/`))).toEqual([
        'app/services/',
      ])

      const packages = new Set(own.map(file => /^app\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1]))
      expect([...packages]).toEqual(expect.arrayContaining(['convict', 'pino', 'prom-client', '@nihao/service', '@nihao/wire']))
      expect(Object.keys(manifest.devDependencies).filter(name => packages.has(name))).toEqual([])
    })

    test('does not compile its code at the start, even with a read-only root', async () => {
      const debug = ['--read-only', '--env=NODE_DEBUG_NATIVE=COMPILE_CACHE']
      const { stderr } = await promisify(execFile)('docker', ['run', '--rm', ...debug, image, '--version'], {
        maxBuffer: 2 ** 24,
      })
      const modules = [...stderr.matchAll(/V8 code cache for (?:ESM|CommonJS) (\S+) was (\w+)/g)]
      expect(modules.length).toBeGreaterThan(100)
      expect(modules.filter(([, , verdict]) => verdict !== 'accepted')).toEqual([])
      const reads = stderr.split('\n').filter(line => line.includes('reading cache from'))
      expect(reads.filter(line => !line.includes(' success,'))).toEqual([])
    })

    test('answers --version and --help', async () => {
      expect(await docker(['run', '--rm', image, '--version'])).toBe(manifest.version)
      expect(await docker(['run', '--rm', image, '--help'])).toContain('NIHAO_LOG_LEVEL')
    })

    if (service === 'client') {
      test('is healthy in a mode without an admin endpoint', async () => {
        // By an init, as in compose. Nothing listens: the check waits.
        const options = [
          '--detach',
          '--init',
          '--network=none',
          '--health-interval=1s',
          '--health-retries=1',
          '--health-timeout=30s',
        ]
        const id = await docker(['run', ...options, image, 'check', '--wait', '5m', 'greet://127.0.0.1:1234'])
        started.push(id)
        const state = () => docker(['inspect', '--format', '{{.State.Status}} {{.State.Health.Status}}', id])
        const checked = async () => {
          const now = await state()
          return !now.includes('starting') && now
        }
        expect(await until('a health check', checked)).toBe('running healthy')
      })
    }

    test('works on a machine without IPv6', async () => {
      const id = await docker(['run', '--detach', `--security-opt=seccomp=${withoutIpv6}`, '--health-interval=1s', image])
      started.push(id)
      await until('the first line of the admin endpoint', async () => (await docker(['logs', id])).includes('"admin listening"'))
      expect(await docker(['logs', id])).toMatch(/"address":"0\.0\.0\.0","family":"IPv4","port":946[45],"msg":"admin listening"/)
    })

    test('works with a read-only root, no capabilities and 128 MB, and exits with 0 on SIGTERM as process 1', async () => {
      const hardened = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--memory=128m', '--network=none']
      const id = await docker(['run', '--detach', '--health-interval=1s', ...hardened, image])
      started.push(id)
      const state = async (field: string) => await docker(['inspect', '--format', `{{.State.${field}}}`, id])
      await until('its own health check succeeds', async () => (await state('Health.Status')) === 'healthy')

      // As the host numbers processes; a health check may run at the same time.
      const processes = (await docker(['top', id, '-o', 'pid,uid,args'])).split('\n').map(line => line.trim().split(/\s+/))
      const first = await state('Pid')
      expect(processes.find(([pid]) => pid === first)).toEqual([first, config.User.split(':')[0], ...config.Entrypoint])

      // A process that does not stop is killed, and has another exit code.
      await docker(['stop', '--time', String(GRACE_SECONDS), id])
      expect(await state('ExitCode')).toBe('0')
      expect(await state('OOMKilled')).toBe('false')
    })
  })
}

/** Every path in an image, without a leading slash; folders end in one. */
async function listFiles(image: string): Promise<string[]> {
  const id = await docker(['create', image])
  try {
    const { stdout } = await promisify(execFile)('sh', ['-c', 'docker export "$1" | tar -t', 'sh', id], {
      maxBuffer: 64 * 1024 * 1024,
    })
    return stdout.trim().split('\n')
  } finally {
    await docker(['rm', id])
  }
}
