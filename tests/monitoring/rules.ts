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
