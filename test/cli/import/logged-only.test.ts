// Postfix's default is to log clients that the access list rejects, and no more: an import says so.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importPostfix } from '../../../cli/import/postfix.ts'

const file = '/etc/postfix/senders.cidr'

function notesOf(text: string, table = ''): readonly string[] {
  const read = (path: string) => (path === file ? { text: table, from: path } : { why: 'no such file' })
  const { notes, errors } = importPostfix({ text, file: 'main.cf', files: { read }, tables: 'files' })
  assert.deepEqual(errors, [])
  return notes.filter((note) => note.includes('only logged'))
}

const told = (which: string): readonly string[] => [
  `postscreen_access_list: rejected clients are only logged, as in postscreen, because postscreen_denylist_action is ${which}; set spec.denylist.action to Enforce or Drop to refuse their mail`,
]

test('an access list with reject and no postscreen_denylist_action is reported', () => {
  assert.deepEqual(notesOf('postscreen_access_list = cidr:{{192.0.2.0/24 reject}}\n'), told('ignore (the default)'))
  assert.deepEqual(notesOf('postscreen_access_list = reject\n'), told('ignore (the default)'))
})

test('a reject in a table that stays in its file is reported too', () => {
  const text = `postscreen_access_list = cidr:${file}\n`
  assert.deepEqual(notesOf(text, '198.51.100.0/24 permit\n192.0.2.0/24 reject\n'), told('ignore (the default)'))
  assert.deepEqual(notesOf(text, '198.51.100.0/24 permit\n192.0.2.0/24 dunno\n'), [])
})

test('an action that is set in the input is named without the default', () => {
  const list = 'postscreen_access_list = cidr:{{192.0.2.0/24 reject}}\n'
  assert.deepEqual(notesOf(`${list}postscreen_denylist_action = ignore\n`), told('ignore'))
  for (const action of ['enforce', 'drop']) {
    assert.deepEqual(notesOf(`${list}postscreen_denylist_action = ${action}\n`), [])
    assert.deepEqual(notesOf(`${list}postscreen_blacklist_action = ${action}\n`), [])
  }
})

test('an access list without reject needs no note', () => {
  assert.deepEqual(notesOf('mynetworks = 192.0.2.0/24\npostscreen_access_list = permit_mynetworks\n'), [])
})
