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

const MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const divided = (duration: string, divisor: number) => {
  const [, count, unit = 'ms'] = /^(\d+)(ms|s|m|h|d)$/.exec(duration) ?? []
  return `${Math.ceil((Number(count) * MS[unit as keyof typeof MS]) / divisor)}ms`
}

/**
 * The same rules for a test that cannot wait: alerts fire after a fraction of their time, and a target needs to have been watched only for a
 * fraction of the long window. The windows themselves stay.
 */
export function hastened(divisor: number): RuleFile {
  const groups = ruleFile.groups.map(({ name, rules }) => ({
    name,
    rules: rules.map(rule => ({
      ...rule,
      ...(rule.for === undefined ? {} : { for: divided(rule.for, divisor) }),
      expr: rule.expr.replaceAll(
        /(count_over_time\(\S+\[1d\] offset )(\w+)/g,
        (_, start, offset) => start + divided(offset, divisor),
      ),
    })),
  }))
  return { groups }
}
