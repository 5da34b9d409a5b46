// The commands that are shipped run Node as the load figures were measured.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gatewayFlags } from './gateway-flags.ts'

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

test('npm start, npm run postscreen and the image run Node with the options that the gateway was measured with', () => {
  const flags = gatewayFlags.join(' ')
  const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> }
  assert.equal(scripts['start'], `node ${flags} cli/postscreen.js demo`)
  assert.equal(scripts['postscreen'], `node ${flags} cli/postscreen.js`)
  assert.ok(read('Dockerfile').includes(`#!/usr/local/bin/node ${flags}\\n`))
})
