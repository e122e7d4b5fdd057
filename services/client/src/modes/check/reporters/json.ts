import { program } from '../../../program.ts'
import type { Reporter } from '../../../report/results.ts'
import { REPORT_VERSION, verdictOf } from '../report.ts'

/** For programs; see docs/check-report.schema.json. */
export function jsonReporter(): Reporter {
  return {
    end(report) {
      const { release, started, durationMs, interrupted, targets } = report
      const whole = {
        version: REPORT_VERSION,
        program: program.name,
        release,
        started,
        durationMs,
        verdict: verdictOf(report),
        ...(interrupted !== undefined && { interrupted }),
        targets,
      }
      return `${JSON.stringify(whole, null, 2)}\n`
    },
  }
}
