// The picture of the ways to hand off a client is the one that its command draws.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { handOffPicture, pictureFile } from './hand-off-picture.ts'

test('the picture is the one that the command draws', () => {
  assert.equal(readFileSync(pictureFile, 'utf8'), handOffPicture(), 'draw it again: node test/docs/hand-off-picture.ts')
})

test('it has colours for light and for dark pages', () => {
  const [light = '', dark = ''] = handOffPicture().split('@media (prefers-color-scheme: dark)')
  const colours = (css: string): number => new Set(css.match(/#[0-9a-f]{6}/g)).size
  assert.ok(colours(light) >= 8 && colours(dark) >= 8)
})
