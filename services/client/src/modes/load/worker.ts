import { parentPort, workerData } from 'node:worker_threads'
import { closeLog, createLogger } from '@nihao/service'
import { program } from '../../program.ts'
import { LocalLoad } from './thread-load.ts'
import type { Answer, Call, WorkerData } from './worker-load.ts'

// The entry point of a worker thread: generates its share of a load, as the main thread calls for.
const { config, share } = workerData as WorkerData
const logger = createLogger(program.name, config.logLevel, 'stderr')
const load = new LocalLoad(config, logger, share)

parentPort?.on('message', async ({ id, method, argument = false }: Call) => {
  const answer: Answer = { id, result: await load[method](argument) }
  if (method === 'close') await closeLog(logger)
  parentPort?.postMessage(answer)
})
