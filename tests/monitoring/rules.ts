import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

export interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly for?: string
  readonly labels?: Record<string, string>
  readonly annotations?: Record<string, string>
}

export type Alert = Rule & { readonly alert: string }

export interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[]
}

export const RULES = 'monitoring/rules.yml'

export const ruleFile: RuleFile = parse(readFileSync(RULES, 'utf8'))
export const rules = ruleFile.groups.flatMap(group => group.rules)
export const alerts = rules.filter((rule): rule is Alert => rule.alert !== undefined)
export const recorded = rules.flatMap(({ record }) => record ?? [])

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A rate needs several scrapes, and Prometheus takes up to 5 s to notice that a target is gone: rules can't be faster than that. */
const MIN_RANGE_MS = 5_000
const MIN_FOR_MS = 10_000

function divided(duration: string, divisor: number, minimumMs = 1): string {
  const [, count, unit = 'ms'] = /^(\d+)(ms|s|m|h|d)$/.exec(duration) ?? []
  return `${Math.max(minimumMs, Math.ceil((Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]) / divisor))}ms`
}

/** The same rules with all durations divided, for tests that can't wait for hours. The names of recorded metrics stay. */
export function hastened(divisor: number): RuleFile {
  const expression = (text: string) =>
    text
      .replaceAll(/\[(\w+)(:?)(\w*)\]/g, (_, range, colon, step) => {
        const every = step && divided(step, divisor, MIN_RANGE_MS)
        return `[${divided(range, divisor, MIN_RANGE_MS)}${colon}${every}]`
      })
      .replaceAll(/(?<=offset )\w+/g, offset => divided(offset, divisor))
  const groups = ruleFile.groups.map(({ name, rules }) => ({
    name,
    rules: rules.map(rule => ({
      ...rule,
      ...(rule.for === undefined ? {} : { for: divided(rule.for, divisor, MIN_FOR_MS) }),
      expr: expression(rule.expr),
    })),
  }))
  return { groups }
}
