import { htmlPage, type Page } from '../admin-page.ts'
import { type Content, html } from './html.ts'
import type { Language } from './language.ts'
import { timeOfDay } from './quantities.ts'

/** How things are: the word is the page's own. */
export type Condition = 'good' | 'bad' | 'warn' | 'idle'

/** Colours are never alone: a glyph shows the same. */
export const GLYPHS: Readonly<Record<Condition, string>> = { good: '✓', bad: '✕', warn: '!', idle: '…' }

export interface Verdict {
  readonly condition: Condition
  /** A sentence that changes only with the condition, for screen readers. */
  readonly announcement: string
  readonly headline: string
  readonly details: readonly Content[]
}

export interface DocumentParts {
  readonly language: Language
  /** Name and release of the program. */
  readonly program: { readonly name: string; readonly version: string }
  /** Where the program runs, or what it is called. */
  readonly place: string
  /** Other pages of the admin endpoint. */
  readonly links: readonly string[]
  readonly verdict: Verdict
  /** Sections. */
  readonly content: Content
}

const WORDS = {
  en: {
    asOf: 'as of',
    live: 'live',
    stale: 'stale',
    noUpdate: 'no update for',
    still: 'reload for newer data',
    pages: 'Other pages',
  },
  zh: { asOf: '数据时间', live: '实时', stale: '已过期', noUpdate: '未更新已', still: '刷新以获取新数据', pages: '其他页面' },
} as const

/** The page of a program: its verdict, then sections. It is complete without the script, which only keeps it up to date. */
export function documentPage({ language, program, place, links, verdict, content }: DocumentParts): Page {
  const words = WORDS[language]
  const { condition, headline, details, announcement } = verdict
  const nowMs = performance.timeOrigin + performance.now()
  return htmlPage(
    html`<html lang="${language === 'zh' ? 'zh-CN' : 'en'}"><head><meta charset="utf-8"><title>${GLYPHS[condition]} ${headline} · ${program.name}</title><meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/page.css"><script type="module" src="/page.js"></script></head><body><header><strong><a href="/">${program.name}</a></strong><span>${program.version}</span><span>${place}</span><nav aria-label="${words.pages}">${links.map(
      path => html`<a href="${path}">${path}</a>`,
    )}</nav></header><main data-made-at="${nowMs}" data-stale="${words.stale}"><section class="verdict ${condition}"><span class="glyph" aria-hidden="true">${GLYPHS[condition]}</span><h1>${headline}</h1>${details.map(
      detail => html`<p class="detail">${detail}</p>`,
    )}<p class="age"><span>${words.asOf} ${timeOfDay(nowMs)} UTC</span> · <span class="when-live">${words.live}</span><span class="when-stale">${words.stale}: ${words.noUpdate} <span id="age"></span></span><noscript>${words.still}</noscript></p><p class="visually-hidden" role="status">${announcement} <span class="when-stale">${words.stale}</span></p></section>${content}</main></body></html>`,
  )
}

/** A condition as a glyph and a word. */
export const conditionCell = (condition: Condition, word: string, glyph = GLYPHS[condition]) =>
  html`<span class="state ${condition}"><span class="glyph" aria-hidden="true">${glyph}</span>${word}</span>`
