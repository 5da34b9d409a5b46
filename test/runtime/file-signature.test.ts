// What makes the signature of a file different.
import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileSignature } from '../../runtime/file-signature.ts'

describe('the signature of a file', () => {
  test('stays while the file stays, and differs when it is created, written, replaced, swapped behind a link, or removed', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'signature-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const [one, two, link] = ['one', 'two', 'link'].map((name) => join(folder, name)) as [string, string, string]
    const seen: string[] = []
    const differs = (what: string): void => {
      const now = fileSignature([link])
      assert.equal(now, fileSignature([link]))
      assert.ok(!seen.includes(now), what)
      seen.push(now)
    }
    differs('absent')
    writeFileSync(one, 'a')
    symlinkSync(one, link)
    differs('created')
    writeFileSync(one, 'longer')
    differs('written')
    writeFileSync(two, 'longer')
    renameSync(two, one)
    differs('replaced by a file of the same size')
    writeFileSync(two, 'longer')
    symlinkSync(two, `${link}.new`)
    renameSync(`${link}.new`, link)
    differs('link swapped')
  })

  test('is an error code when the file cannot be looked at', () => {
    assert.equal(fileSignature(['x'.repeat(300), '/nonexistent']), 'ENAMETOOLONG -')
  })
})
