import { checkHealth, serviceArguments } from '@nihao/service/healthcheck'

/** The image's HEALTHCHECK: exits with 0 when the server in this container is ready. */
process.exitCode = await checkHealth({ args: serviceArguments(), env: process.env, adminPort: '9464', runOnceModes: [] })
