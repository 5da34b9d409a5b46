// What helm prints after an install.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unless } from '../peers/require.ts'
import { chartFolder, helm } from './render.ts'

const skip = unless('helm')
const notes = (values: object): Promise<string> =>
  helm(['install', 'postscreen', chartFolder, '--namespace', 'mail', '--dry-run=client'], values)

test('an install whose image no node can pull says so, and which values to set', { skip }, async () => {
  const said = await notes({ postfix: { enabled: true }, policy: { create: true } })
  assert.match(said, /THE IMAGES CANNOT BE PULLED/)
  assert.match(said, /--set image\.repository=REGISTRY\/NAME --set postfix\.image\.repository=REGISTRY\/NAME/)
})

test('an install with another image does not say so', { skip }, async () => {
  for (const values of [
    { image: { repository: 'registry.example.com/postscreen' } },
    { global: { imageRegistry: 'registry.example.com' } },
  ]) {
    const said = await notes(values)
    assert.match(said, /The Postscreen operator/)
    assert.doesNotMatch(said, /THE IMAGES CANNOT BE PULLED/)
  }
})
