import manifest from '../../package.json' with { type: 'json' }
import { cutOneLink, replaceAllServers } from '../mesh/experiments.ts'
import { Mesh } from '../mesh/mesh.ts'
import { testWith } from '../process/support/tool.ts'
import { describeWithDocker } from './docker.ts'

/** Long enough for busy machines: a link that is late for another reason would be one more cell. */
const TIMEOUT_MS = 5_000
const INTERVAL_MS = 500

describeWithDocker('a mesh of three servers and three clients', () => {
  testWith('unshare', 'shows a link that is cut as one cell, and servers that are replaced not at all', async () => {
    const images = { server: `nihao-server:${manifest.version}`, client: `nihao-client:${manifest.version}` }
    await using mesh = await Mesh.start({ nodes: 3, intervalMs: INTERVAL_MS, timeoutMs: TIMEOUT_MS, images })
    await cutOneLink(mesh, 'node-1', 'node-2', INTERVAL_MS)
    await replaceAllServers(mesh)
  })
})
