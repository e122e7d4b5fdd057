import { jest } from '@jest/globals'

/** Real processes and containers share their machine with others: what fails once is told and tried again, and fails when it fails again. */
jest.retryTimes(2, { logErrorsBeforeRetry: true })
