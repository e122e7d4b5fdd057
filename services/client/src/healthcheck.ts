import { checkHealth } from '@nihao/service'
import { modes, readModeConfig } from './settings.ts'

/** The image's HEALTHCHECK: exit code 0 when this container's client has tried every target. */
const { adminHost, adminPort } = readModeConfig(modes.probe, { env: process.env, args: [] }, { files: false })
process.exitCode = await checkHealth(adminHost, adminPort)
