import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')

export const PROMETHEUS_RULE = join(ROOT, 'k8s/components/monitoring/prometheus-rule.yaml')

/** The rules as an object for the Prometheus Operator: kustomize cannot put the content of one YAML file into another. */
export function prometheusRule(): string {
  const { version }: { version: string } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const rules = readFileSync(join(ROOT, 'monitoring/rules.yml'), 'utf8')
  return `# Generated from monitoring/rules.yml: npm run docs
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: nihao
  labels:
    app.kubernetes.io/name: nihao
    app.kubernetes.io/part-of: nihao
    app.kubernetes.io/version: ${version}
spec:
${rules.replaceAll(/^(?=.)/gm, '  ')}`
}
