import { checkHealth } from '@nihao/service'
import { readConfig } from './settings.ts'

/** The image's HEALTHCHECK: exit code 0 when this container's client has tried every target. */
const { adminHost, adminPort } = readConfig({ env: process.env, args: [] }, { files: false })
process.exitCode = await checkHealth(adminHost, adminPort)
