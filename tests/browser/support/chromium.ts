import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { DEADLINE_MS, until } from '../../process/support/until.ts'

/** Without a display or a sandbox, which containers lack, and without traffic of its own. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Starts the Chromium of the system. */
export const startChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGUMENTS, timeout: 2 * DEADLINE_MS })

/** What a service replies to a request of which it saw nothing for two seconds, because it did not run. */
const REQUEST_TIMEOUT = 408

/** A page that has been opened, with what it complained about. */
export interface OpenPage extends AsyncDisposable {
  readonly page: Page
  /** Errors and warnings on the console, such as violations of the Content-Security-Policy, uncaught errors and dialogs. */
  readonly complaints: string[]
}

export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ locale: 'en-US', ...options })
  context.setDefaultTimeout(DEADLINE_MS)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (message.text().includes(`status of ${REQUEST_TIMEOUT}`)) return
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  page.on('dialog', dialog => {
    complaints.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  await until(url, async () => (await page.goto(url))?.status() !== REQUEST_TIMEOUT)
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() }
}
