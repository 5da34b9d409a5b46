// The committed files that derive from the policy schema are what the schema says now.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { generatedFiles } from '../../../crds/generate/main.ts'

for (const [path, contents] of generatedFiles()) {
  test(`${path} is up to date (else run node crds/generate/main.ts)`, async () => {
    assert.equal(await readFile(new URL(`../../../${path}`, import.meta.url), 'utf8'), contents)
  })
}
