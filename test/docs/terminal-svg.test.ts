// The picture of a terminal: colours, wrapped lines, and characters that XML reserves.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runsOf, terminalSvg, textOfSvg, wrapped } from './terminal-svg.ts'

test('splits a line at its colours', () => {
  assert.deepEqual(runsOf('a \u001b[31mb\u001b[39m c'), [
    { text: 'a ', tone: 'plain' },
    { text: 'b', tone: 'red' },
    { text: ' c', tone: 'plain' },
  ])
})

test('breaks a long line at a space and indents the rest', () => {
  assert.deepEqual(wrapped('12 one two three', 10, 3), ['12 one two', '   three'])
})

test('draws characters that XML reserves', () => {
  const svg = terminalSvg('t', [[{ text: '<a> & b', tone: 'green' }]], 20)
  assert.match(svg, /<tspan class="green">&lt;a&gt; &amp; b<\/tspan>/)
  assert.deepEqual(textOfSvg(svg), ['<a> & b'])
})
