// charts/manifests is what the chart renders now.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { unless } from '../peers/require.ts'
import { manifestFiles } from './manifest-files.ts'

test('the plain manifests are up to date (else run node test/chart/manifest-files.ts)', { skip: unless('helm') }, async () => {
  for (const [path, contents] of await manifestFiles()) {
    assert.equal(await readFile(new URL(`../../${path}`, import.meta.url), 'utf8'), contents)
    assert.doesNotMatch(contents, /helm/i)
  }
})
