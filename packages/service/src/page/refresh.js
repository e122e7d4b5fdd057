// Keeps the page up to date: fetches it once a second and changes what is different. Without this script the page is complete, but stands still.

const PERIOD_MS = 1_000
/** Three updates did not arrive. */
const STALE_AFTER_MS = 3 * PERIOD_MS + 500

const root = document.documentElement
const content = () => document.querySelector('main')

/** By the clock on the wall, which also runs while the machine sleeps. */
let updatedAtMs = Date.now()
let title = document.title
let timer = 0
let request = new AbortController()

/** When the service made the page: a copy that a cache returns again is no update. */
const madeAt = page => page.querySelector('main')?.dataset.madeAt

async function update() {
  clearTimeout(timer)
  request.abort()
  const own = new AbortController()
  request = own
  const timeout = setTimeout(() => own.abort(), 3 * PERIOD_MS)
  const startedAtMs = Date.now()
  try {
    const response = await fetch(location.href, { signal: own.signal, cache: 'no-store' })
    const next = new DOMParser().parseFromString(await response.text(), 'text/html')
    if (own !== request) return
    if (response.ok && madeAt(next) !== undefined && madeAt(next) !== madeAt(document)) show(next)
  } catch {
    // The age of the page shows it.
  } finally {
    clearTimeout(timeout)
    if (own === request && !document.hidden) timer = setTimeout(update, Math.max(0, startedAtMs + PERIOD_MS - Date.now()))
  }
}

function show(next) {
  const focused = document.activeElement
  title = next.title
  change(content(), document.adoptNode(next.querySelector('main')))
  // An element loses the focus where its row moved.
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true })
  updatedAtMs = Date.now()
  showAge()
}

/** Makes an element like another one; elements that are the same keep their focus and selection. */
function change(old, next) {
  if (old.isEqualNode(next)) return
  for (const { name } of [...old.attributes]) if (!next.hasAttribute(name)) old.removeAttribute(name)
  for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value)
  const keyed = new Map([...old.children].filter(({ dataset }) => dataset.key).map(child => [child.dataset.key, child]))
  let place = old.firstChild
  for (const child of [...next.childNodes]) {
    const same = (child.dataset?.key && keyed.get(child.dataset.key)) || place
    if (!alike(same, child)) old.insertBefore(child, place)
    else {
      if (same === place) place = place.nextSibling
      else old.insertBefore(same, place)
      if (same.nodeType === Node.ELEMENT_NODE) change(same, child)
      else if (same.data !== child.data) same.data = child.data
    }
  }
  while (place) {
    const rest = place.nextSibling
    place.remove()
    place = rest
  }
}

const alike = (one, other) =>
  one?.nodeType === other.nodeType && one.nodeName === other.nodeName && one.dataset?.key === other.dataset?.key

function showAge() {
  // A clock that was set back says as little about the age as one that went on.
  const ageMs = Math.abs(Date.now() - updatedAtMs)
  const stale = ageMs > STALE_AFTER_MS
  root.dataset.updates = stale ? 'stale' : 'live'
  const age = document.querySelector('#age')
  document.title = stale ? `${content().dataset.stale} · ${title}` : title
  if (stale && age) age.textContent = `${Math.floor(ageMs / 1_000)} s`
}

/** Shows the page for another query without loading it: scroll position and focus stay. */
function go(url, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', url)
  update()
}

document.addEventListener('click', event => {
  const link = event.target.closest?.('a[data-stay]')
  if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  event.preventDefault()
  go(link.href)
})

document.addEventListener('input', ({ target }) => {
  if (!target.matches?.('input[data-parameter]')) return
  const url = new URL(location.href)
  if (target.value === '') url.searchParams.delete(target.dataset.parameter)
  else url.searchParams.set(target.dataset.parameter, target.value)
  go(url, { replace: true })
})

addEventListener('popstate', update)
addEventListener('pageshow', ({ persisted }) => persisted && update())
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) update()
  else {
    clearTimeout(timer)
    request.abort()
  }
})

setInterval(showAge, 250)
showAge()
timer = setTimeout(update, PERIOD_MS)
