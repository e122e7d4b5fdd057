import { describe, expect, test } from '@jest/globals'
import { Html, html } from './html.ts'

describe('a template escapes its values', () => {
  test.each([
    ['<img src=x onerror=alert(1)>', '&lt;img src=x onerror=alert(1)&gt;'],
    ['" onmouseover="alert(1)', '&quot; onmouseover=&quot;alert(1)'],
    ["' autofocus onfocus='alert(1)", '&#39; autofocus onfocus=&#39;alert(1)'],
    ['</script><script>alert(1)</script>', '&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;'],
    ['&lt;b&gt;', '&amp;lt;b&amp;gt;'],
    ['<!-- ', '&lt;!-- '],
    ['</title><svg onload=alert(1)>', '&lt;/title&gt;&lt;svg onload=alert(1)&gt;'],
    ['你好 😀', '你好 😀'],
  ])('%s', (hostile, escaped) => {
    expect(html`<p title="${hostile}">${hostile}</p>`.text).toBe(`<p title="${escaped}">${escaped}</p>`)
    expect(html`${[hostile, [hostile]]}`.text).toBe(escaped + escaped)
  })

  test('but not what a template made', () => {
    const cell = (text: string) => html`<td>${text}</td>`
    expect(html`<tr>${['<', 'b'].map(cell)}</tr>`.text).toBe('<tr><td>&lt;</td><td>b</td></tr>')
    expect(String(new Html('<b>'))).toBe('<b>')
  })

  test('an object that only looks like HTML is not trusted', () => {
    const looksLike = JSON.parse('{"text":"<b>"}')
    expect(() => html`${looksLike}`).toThrow()
  })
})

test('absent values are left out, and zero is not', () => {
  expect(html`a${undefined}b${null}c${false}d${0}e`.text).toBe('abcd0e')
})
