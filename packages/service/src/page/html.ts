/** Text that is HTML already: the result of the `html` tag, or constant. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toString(): string {
    return this.text
  }
}

/** What a template takes: text is escaped, lists are joined, and absent values are left out. */
export type Content = Html | string | number | false | null | undefined | readonly Content[]

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const escapeText = (text: string) => text.replace(/[&<>"']/g, character => ESCAPES[character] ?? '')

/** A template whose values are escaped unless they are HTML themselves. Attribute values must be in quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  let text = strings[0] ?? ''
  for (const [index, value] of values.entries()) text += render(value) + strings[index + 1]
  return new Html(text)
}

function render(value: Content): string {
  if (typeof value === 'string') return escapeText(value)
  if (typeof value === 'number') return String(value)
  if (value instanceof Html) return value.text
  return value === false || value === null || value === undefined ? '' : value.map(render).join('')
}
