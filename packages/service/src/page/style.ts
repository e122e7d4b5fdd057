/** The stylesheet of all pages. One type scale, figures of equal width, colours with a contrast of at least 4.5 in both schemes. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #f4f6f8; --surface: #fff; --sunken: #eef1f4; --ink: #18212c; --muted: #566171; --line: #dde2e8; --hair: #e9edf1;
  --good: #13795b; --bad: #b42d18; --warn: #8a5a00; --accent: #1f5fa8;
  --good-mark: #5db59a; --bad-mark: #d9482f; --band: #b9d3ee; --outage: #f3c4bb; --second: #9a6a00;
  --good-tint: #e6f4ee; --bad-tint: #fdece8; --warn-tint: #fbf1dc;
  --small: .8125rem; --body: .9375rem; --heading: 1.0625rem; --verdict: clamp(1.375rem, 1rem + 1.4vw, 2.125rem);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e1319; --surface: #161d26; --sunken: #1d2631; --ink: #e7ebf0; --muted: #9aa7b6; --line: #2a3542; --hair: #222c38;
    --good: #56cba0; --bad: #ff8f78; --warn: #e6b450; --accent: #84b6f4;
    --good-mark: #3b8f74; --bad-mark: #f0654a; --band: #274a70; --outage: #5c2a23; --second: #d6a545;
    --good-tint: #13271f; --bad-tint: #331a16; --warn-tint: #2e2413;
  }
}
@media (min-width: 120rem) { html { font-size: 112.5% } }
@media (min-width: 200rem) { html { font-size: 150% } }
* { box-sizing: border-box }
body {
  margin: 0; background: var(--page); color: var(--ink); font-size: var(--body); line-height: 1.5;
  font-family: Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", "PingFang SC", sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: none; overflow-wrap: break-word;
}
header, main, footer { max-width: 84rem; margin-inline: auto; padding-inline: clamp(.75rem, 2.5vw, 2rem) }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: baseline; padding-block: 1rem .75rem; color: var(--muted); font-size: var(--small) }
header a { color: inherit }
header strong { color: var(--ink); font-size: var(--heading) }
header nav { margin-left: auto; display: flex; flex-wrap: wrap; gap: 1rem }
h1, h2, h3, p, ul, dl, dd, figure { margin: 0; padding: 0 }
ul { list-style: none }
h1 { font-size: var(--verdict); line-height: 1.25; font-weight: 650; letter-spacing: -.012em; text-wrap: balance }
h2 { font-size: var(--heading); font-weight: 650 }
h3 { font-size: var(--small); font-weight: 600; color: var(--muted) }
a { color: var(--accent); text-decoration-color: color-mix(in srgb, currentColor 40%, transparent); text-underline-offset: .2em }
a:hover { text-decoration-color: currentColor }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px }
main { display: grid; gap: 1rem; padding-bottom: 2rem; grid-template-columns: minmax(0, 1fr) }
section { background: var(--surface); border: 1px solid var(--line); border-radius: .625rem; padding: 1rem clamp(.75rem, 2vw, 1.25rem); min-width: 0 }
.head { display: flex; flex-wrap: wrap; gap: .375rem 1.25rem; align-items: baseline; margin-bottom: .625rem }
.head .note { color: var(--muted); font-size: var(--small) }
.muted, .note { color: var(--muted) }
.pair { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)) }

.verdict { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .125rem .875rem; align-items: start; border-left-width: .375rem; padding-block: 1.125rem }
.verdict .glyph { font-size: var(--verdict); line-height: 1.25; width: 1.25em; text-align: center }
.verdict p { grid-column: 2 }
.verdict .detail { color: var(--muted) }
.verdict .age { font-size: var(--small); color: var(--muted); margin-top: .25rem }
.verdict.good { border-left-color: var(--good) } .verdict.bad { border-left-color: var(--bad); background: var(--bad-tint) }
.verdict.warn { border-left-color: var(--warn); background: var(--warn-tint) } .verdict.idle { border-left-color: var(--muted) }
.good > .glyph, .state.good { color: var(--good) } .bad > .glyph, .state.bad { color: var(--bad) }
.warn > .glyph, .state.warn { color: var(--warn) } .idle > .glyph, .state.idle { color: var(--muted) }
.bad > .detail, .warn > .detail, .bad > .age, .warn > .age { color: var(--ink) }
.state { font-weight: 600; white-space: nowrap }
.state .glyph { display: inline-block; width: 1.25em }
.banner { background: var(--warn-tint); border-color: var(--warn); display: flex; flex-wrap: wrap; gap: .25rem .75rem; padding-block: .625rem }
.banner strong { color: var(--warn) }

.when-live, .when-stale { display: none }
[data-updates=live] .when-live, [data-updates=stale] .when-stale { display: inline }
.when-live::before { content: "●"; color: var(--good); margin-right: .375em }
[data-updates=stale] main > * { filter: grayscale(1); color: var(--muted) }
[data-updates=stale] .verdict { background: var(--sunken); border-left-color: var(--muted); filter: none }
[data-updates=stale] .verdict > :not(.age) { color: var(--muted); filter: grayscale(1) }
[data-updates=stale] .verdict .age { font-size: var(--heading); font-weight: 650; color: var(--ink) }
.needs-script { visibility: hidden }
[data-updates] .needs-script { visibility: visible }

.scroll { overflow-x: auto; margin-inline: calc(-1 * clamp(.75rem, 2vw, 1.25rem)); padding-inline: clamp(.75rem, 2vw, 1.25rem) }
table { border-collapse: collapse; width: 100%; font-size: var(--small) }
th, td { text-align: left; padding: .4375rem .75rem .4375rem 0; border-bottom: 1px solid var(--hair); vertical-align: middle }
th:last-child, td:last-child { padding-right: 0 }
tr:last-child > :is(td, th[scope=row]) { border-bottom: 0 }
thead th { color: var(--muted); font-weight: 600; white-space: nowrap; border-bottom-color: var(--line) }
thead a { color: inherit; text-decoration: none } thead a:hover { text-decoration: underline }
th[aria-sort] a { color: var(--ink) }
th[scope=row] { font-weight: 500 }
.number { text-align: right; white-space: nowrap }
.fixed { white-space: nowrap }
.wide { width: 100% }
.name { min-width: 10rem; overflow-wrap: anywhere }
.wide { overflow-wrap: anywhere }

.choices { display: flex; flex-wrap: wrap; gap: .25rem }
.choices a { display: block; padding: .125rem .5rem; border-radius: .375rem; text-decoration: none; color: var(--muted); font-size: var(--small); border: 1px solid transparent }
.choices a:hover { background: var(--sunken) }
.choices a[aria-current] { background: var(--sunken); color: var(--ink); font-weight: 600; border-color: var(--line) }
.filter { display: flex; gap: .5rem; align-items: center; font-size: var(--small); color: var(--muted); margin-left: auto }
input { font: inherit; color: var(--ink); background: var(--surface); border: 1px solid var(--muted); border-radius: .375rem; padding: .1875rem .5rem; width: 12rem; max-width: 100% }

.strip { display: block; width: 15rem; height: 1.25rem }
.strip .good { fill: var(--good-mark) } .strip .bad { fill: var(--bad-mark) } .strip .empty { fill: var(--line) }
.strip .hatch { fill: none; stroke: var(--ink); stroke-width: .9 }

.plot figcaption { display: flex; flex-wrap: wrap; gap: .125rem 1rem; align-items: baseline; margin-bottom: .375rem }
.legend { display: flex; flex-wrap: wrap; gap: .125rem .875rem; font-size: var(--small); color: var(--muted) }
.legend li { display: flex; gap: .375rem; align-items: center }
.swatch { width: 1.5rem; height: .75rem; flex: none }
.canvas { display: grid; grid-template: 11rem 1.5rem / 4rem minmax(0, 1fr); padding-right: 1.25rem }
.tall .canvas { grid-template-rows: 16rem 1.5rem }
.axis { width: 100%; height: 100%; overflow: visible; font-size: .75rem }
.axis text { fill: var(--muted) }
.axis.vertical { grid-area: 1 / 1; width: calc(100% - .5rem) } .axis.vertical text { text-anchor: end }
.axis.horizontal { grid-area: 2 / 2 } .axis.horizontal text { text-anchor: middle }
.area { grid-area: 1 / 2; width: 100%; height: 100%; overflow: hidden }
.area path, .area rect, .swatch path { vector-effect: non-scaling-stroke; fill: none; stroke-linejoin: round; stroke-linecap: round }
.grid { stroke: var(--hair); stroke-width: 1 }
:is(.area, .swatch) .band { fill: var(--band); stroke: none }
:is(.area, .swatch) .line { stroke: var(--accent); stroke-width: 1.75 }
:is(.area, .swatch) .line-second { stroke: var(--second); stroke-width: 1.75; stroke-dasharray: 5 3; stroke-linecap: butt }
:is(.area, .swatch) .line-bad { stroke: var(--bad-mark); stroke-width: 2; stroke-dasharray: 1 4 }
:is(.area, .swatch) .line-limit { stroke: var(--bad); stroke-width: 1; stroke-dasharray: 8 4; stroke-linecap: butt }
:is(.area, .swatch) .outage { fill: var(--outage); stroke: var(--bad-mark); stroke-width: 1.5 }
:is(.area, .swatch) .moment { stroke: var(--muted); stroke-width: 1.25; stroke-dasharray: 2 3; stroke-linecap: butt }

.meter { display: block; width: 8rem; height: .5rem; border-radius: .25rem; background: var(--line) }
.meter .level { fill: var(--accent) } .meter .level.near { fill: var(--bad-mark) }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .75rem 1.25rem }
.figures dt { color: var(--muted); font-size: var(--small) }
.figures dd { font-weight: 600 }
.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
footer { color: var(--muted); font-size: var(--small); padding-block: 0 2rem }
@media (max-width: 48rem) {
  .canvas { grid-template-columns: 3.5rem minmax(0, 1fr) }
  .filter { margin-left: 0 }
  header nav { margin-left: 0 }
  .stack thead tr { display: flex; flex-wrap: wrap; gap: 0 1rem }
  .stack thead th { border: 0; padding: 0 }
  .stack thead th:not(:has(a)) { display: none }
  .stack tbody tr { display: flex; flex-wrap: wrap; gap: .125rem .875rem; align-items: baseline; padding-block: .5rem; border-bottom: 1px solid var(--hair) }
  .stack tbody :is(td, th) { border: 0; padding: 0; min-width: 0; white-space: normal }
  .stack tbody .number::before { content: attr(data-label) " "; color: var(--muted) }
  .stack tbody :is(.wide, .lines) { flex-basis: 100% }
}
@media (prefers-contrast: more) { :root { --muted: var(--ink); --line: var(--ink) } }
`
