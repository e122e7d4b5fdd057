import { checkHealth } from '@nihao/service'
import { readConfig } from './settings.ts'

/** The image's HEALTHCHECK: exit code 0 when this container's server is ready. */
const { adminHost, adminPort } = readConfig({ env: process.env, args: [] }, { files: false })
process.exitCode = await checkHealth(adminHost, adminPort)
