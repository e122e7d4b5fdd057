import { type Content, type Html, html } from './html.ts'
import { linkTo } from './links.ts'

/** A parameter of the page and how its values are shown; the first one is the default. */
export interface Choice {
  readonly parameter: string
  readonly label: string
  readonly options: readonly { readonly value: string; readonly label: string }[]
}

/** Links that select one of several values. */
export const choices = (query: URLSearchParams, { parameter, label, options }: Choice): Html => {
  const selected = query.get(parameter) ?? options[0]?.value
  return html`<nav class="choices" aria-label="${label}">${options.map(
    ({ value, label }, index) =>
      html`<a data-stay data-key="${value}" href="${linkTo(query, { [parameter]: index === 0 ? undefined : value })}"${value === selected && html` aria-current="true"`}>${label}</a>`,
  )}</nav>`
}

/** A text that rows must contain. Only the script can send it: there are no forms. */
export const textFilter = (query: URLSearchParams, parameter: string, label: string): Html =>
  html`<label class="filter needs-script">${label}<input type="search" data-parameter="${parameter}" value="${query.get(parameter) ?? ''}" autocomplete="off" spellcheck="false"></label>`

/** A column of a table. */
export interface TableColumn<Row> {
  readonly label: string | Html
  /** Looks: `number`, `fixed`, `wide`. */
  readonly style?: string
  /** The value of the parameter `sort` that sorts by this column; undefined if nothing does. */
  readonly sort?: string
  /** Shown as the header of its row. */
  readonly heading?: boolean
  readonly cell: (row: Row) => Content
}

export interface Table<Row> {
  /** For those who can't see where the table is. */
  readonly caption: string
  /** On a narrow screen, cells are below each other rather than out of sight. */
  readonly stack?: boolean
  readonly columns: readonly TableColumn<Row>[]
  readonly rows: readonly Row[]
  /** What tells a row from the others, where the page is updated. */
  readonly key?: (row: Row) => string
  /** With columns that sort: the parameter, and its value in this page. */
  readonly sorting?: {
    readonly query: URLSearchParams
    readonly parameter: string
    readonly current: string
    readonly default: string
  }
}

export function table<Row>({ caption, stack = false, columns, rows, key, sorting }: Table<Row>): Html {
  const header = ({ label, style, sort }: TableColumn<Row>) => {
    const sorted = sort !== undefined && sorting?.current === sort
    const href =
      sorting && sort !== undefined && linkTo(sorting.query, { [sorting.parameter]: sort === sorting.default ? undefined : sort })
    return html`<th scope="col"${style && html` class="${style}"`}${sorted && html` aria-sort="${style === 'number' ? 'descending' : 'ascending'}"`}>${
      href
        ? html`<a data-stay href="${href}">${label}${sorted && html` <span aria-hidden="true">${style === 'number' ? '↓' : '↑'}</span>`}</a>`
        : label
    }</th>`
  }
  const cell = (row: Row) => (column: TableColumn<Row>) =>
    column.heading
      ? html`<th scope="row"${column.style && html` class="${column.style}"`}>${column.cell(row)}</th>`
      : html`<td${column.style && html` class="${column.style}"`}${stack && html` data-label="${String(column.label)}"`}>${column.cell(row)}</td>`
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table${stack && html` class="stack"`}><thead><tr>${columns.map(header)}</tr></thead><tbody>${rows.map(
    row => html`<tr${key && html` data-key="${key(row)}"`}>${columns.map(cell(row))}</tr>`,
  )}</tbody></table></div>`
}

/** A section with a heading, and controls next to it. */
export const section = (heading: string, controls: Content, content: Content): Html =>
  html`<section data-key="${heading}"><div class="head"><h2>${heading}</h2>${controls}</div>${content}</section>`
