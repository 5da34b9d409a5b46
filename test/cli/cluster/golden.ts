// Compares text with a file beside the tests. UPDATE=1 writes the file again: read the difference.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'

/** @param name of the file in test/cli/cluster/golden */
export function assertGolden(name: string, text: string): void {
  const file = new URL(`golden/${name}`, import.meta.url)
  if ((process.env['UPDATE'] ?? '') !== '') writeFileSync(file, text)
  assert.equal(text, readFileSync(file, 'utf8'), `${name}; UPDATE=1 writes it again`)
}
