// Sets the version wherever it stands: node release/version.ts 0.2.0
import { globSync, readFileSync, writeFileSync } from 'node:fs'

/** Files that name the version: manifests of packages and of Kubernetes, Dockerfiles, the Compose file, and the commands in the pages. */
const FILES = [
  'package.json',
  '{packages,services}/*/package.json',
  'Dockerfile.*',
  'docker-compose.yml',
  'k8s/**/*.yaml',
  'README*.md',
  'docs/*.md',
]

const PLACES =
  /(nihao-(?:server|client):|app\.kubernetes\.io\/version: |image\.version="|"(?:version|@nihao\/\w+)": ")(\d+\.\d+\.\d+(?:-[\w.]+)?)/g

interface Package {
  version: string
  dependencies?: Record<string, string>
}

function set(path: string, version: string): void {
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll(PLACES, `$1${version}`))
}

/** The lock file also has the versions of other packages, so that only the project's own entries are changed. */
function setLocked(path: string, version: string): void {
  const lock: Package & { packages: Record<string, Package> } = JSON.parse(readFileSync(path, 'utf8'))
  lock.version = version
  for (const [folder, own] of Object.entries(lock.packages)) {
    if (folder.startsWith('node_modules/')) continue
    own.version = version
    for (const name of Object.keys(own.dependencies ?? {})) {
      if (name.startsWith('@nihao/') && own.dependencies) own.dependencies[name] = version
    }
  }
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
}

const [version = ''] = process.argv.slice(2)
if (/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) {
  for (const path of globSync(FILES)) set(path, version)
  setLocked('package-lock.json', version)
} else {
  console.error(`invalid version "${version}": expected one such as 0.2.0 or 0.2.0-rc.1`)
  process.exitCode = 2
}
