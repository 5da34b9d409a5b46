// The pictures of `kubectl postscreen` are what the commands print today; `node test/docs/terminal-pictures.ts` draws them again.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileOf, terminalPictures } from './terminal-pictures.ts'

process.env['TZ'] = 'UTC'

test('the pictures of status, top and log are up to date', async () => {
  for (const [name, svg] of await terminalPictures()) assert.equal(svg, readFileSync(fileOf(name), 'utf8'), name)
})
