import { expect, test } from '@jest/globals'
import { band, line } from './plot.ts'
import { strip } from './strip.ts'

const { NaN: none } = Number
const scale = { ticks: [], position: (value: number) => value }
const d = ({ text }: { readonly text: string }, mark: string) => new RegExp(`class="${mark}" d="([^"]*)"`).exec(text)?.[1]

test('a line has a gap where there are no data, and shows a single point', () => {
  expect(d(line('line', [0, 1, none, 0.5], scale), 'line')).toBe('M125 200h0L375 0M875 100h0')
  expect(d(line('line', [none, none], scale), 'line')).toBe('')
})

test('a band goes along its upper side and back along its lower one, in parts', () => {
  expect(d(band('band', [0, 0, none, 0.5], [1, 0.5, none, 0.5], scale), 'band')).toBe(
    'M125 0L375 100L375 200L125 200zM875 100L875 100z',
  )
})

test('the cells of a strip have the height of their failed share, and handovers are hatched', () => {
  const cells = [
    { failed: none, handover: false },
    { failed: 0, handover: true },
    { failed: 0.5, handover: false },
    { failed: 1, handover: false },
  ]
  const drawn = strip(cells, 'two of four & more')
  expect(d(drawn, 'empty')).toBe('M0 20v-1h3v1z')
  expect(d(drawn, 'good')).toBe('M4 20v-5h3v5z')
  expect(d(drawn, 'bad')).toBe('M8 20v-12.5h3v12.5zM12 20v-20h3v20z')
  expect(d(drawn, 'hatch')).toMatch(/^M4 20l3 -3/)
  expect(drawn.text).toContain('aria-label="two of four &amp; more"')
})
