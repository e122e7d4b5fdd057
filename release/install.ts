// Prints the manifests of k8s/base with images pinned by digest: node release/install.ts REGISTRY/nihao-server@sha256:… REGISTRY/nihao-client@sha256:…
import { spawnSync } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'

const images = process.argv.slice(2).flatMap(reference => {
  const [, newName, name, digest] = /^(.*?(nihao-server|nihao-client))@(sha256:[0-9a-f]{64})$/.exec(reference) ?? []
  return digest === undefined ? [] : [{ name, newName, digest }]
})

function render(): void {
  // kustomize accepts relative paths only, and resolves symbolic links first.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'nihao-')))
  try {
    // JSON is YAML.
    writeFileSync(
      join(folder, 'kustomization.yaml'),
      JSON.stringify({ resources: [relative(folder, resolve('k8s/base'))], images }),
    )
    process.exitCode = spawnSync('kubectl', ['kustomize', folder], { stdio: 'inherit' }).status ?? 1
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (new Set(images.map(({ name }) => name)).size === 2) render()
else {
  console.error('expected two images, REGISTRY/nihao-server@sha256:… and REGISTRY/nihao-client@sha256:…')
  process.exitCode = 2
}
