/**
 * The page of a program, rendered here as HTML and SVG; its script only keeps it up to date.
 *
 * - html.ts        templates that escape their values
 * - document.ts    the page with its verdict
 * - controls.ts    sections, tables, and links that sort and filter them
 * - plot.ts        axes, lines and bands; smoke-plot.ts and line-plot.ts draw with them
 * - strip.ts       a target's last intervals in one line
 * - scale.ts       ticks and positions on axes
 * - condense.ts    fewer, longer cells of a history
 * - quantities.ts  durations, bytes and rates as text
 * - language.ts    English or Chinese
 * - assets.ts      the stylesheet (style.ts) and the script (refresh.js)
 */
export { pageAssets } from './assets.ts'
export { type Combine, condense, maximum, median, minimum, sinceFirst, sum } from './condense.ts'
export { choices, section, type TableColumn, table, textFilter } from './controls.ts'
export { type Condition, conditionCell, documentPage, GLYPHS, type Verdict } from './document.ts'
export { type Content, Html, html } from './html.ts'
export { type Language, preferredLanguage, type Translations } from './language.ts'
export { linePlot } from './line-plot.ts'
export { linkTo } from './links.ts'
export { bytes, duration, integer, milliseconds, percentage, rate, timeOfDay } from './quantities.ts'
export { type SmokeWords, smokePlot } from './smoke-plot.ts'
export { type StripCell, strip } from './strip.ts'
