import { checkHealth, serviceArguments } from '@nihao/service/healthcheck'

/** The image's HEALTHCHECK: exits with 0 if the client in this container is ready, or runs in a mode without an admin endpoint. */
process.exitCode = await checkHealth({
  args: serviceArguments(),
  env: process.env,
  adminPort: '9465',
  runOnceModes: ['load', 'check', 'idle'],
})
