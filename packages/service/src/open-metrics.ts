/**
 * Converts Prometheus text to OpenMetrics. prom-client's own OpenMetrics rendering would strip `_total` from the names of the
 * registered counters, for all later scrapes.
 */
export function toOpenMetrics(text: string): string {
  return `${text
    .replace(/^# HELP (\w+)_total (.*)\n# TYPE \1_total counter$/gm, '# HELP $1 $2\n# TYPE $1 counter')
    .replace(/\n{2,}/g, '\n')}# EOF\n`
}
