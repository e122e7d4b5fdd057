import { default as jestRunner } from 'jest-runner'

/** Runs test files in one process, one after the other. Jest starts it when the tests of its other runners are done. */
export default class AloneRunner extends (jestRunner.default ?? jestRunner) {
  isSerial = true
}
