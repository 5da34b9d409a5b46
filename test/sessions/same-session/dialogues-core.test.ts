// The dialogues of a hand-off in the same session against the core alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CoreRig } from './core-rig.ts'
import type { Dialogue, Step } from './dialogue.ts'
import { forty } from './dialogues.ts'
import { further } from './further-dialogues.ts'

for (const dialogue of [...forty, ...further]) {
  if (dialogue.onlyTcp === true) continue
  test(`in the core: ${dialogue.row === undefined ? '' : `${dialogue.row}: `}${dialogue.what}`, () => play(dialogue))
}

test('every row of the forty is there', () => {
  const rows = new Set(forty.map(({ row }) => row))
  assert.deepEqual([...rows].toSorted((a, b) => (a ?? 0) - (b ?? 0)), Array.from({ length: 40 }, (_, i) => i + 1))
})

function play(dialogue: Dialogue): void {
  const rig = new CoreRig(dialogue)
  let at = 0
  const next = (): string => {
    const reply = /^(?:[2-5][0-9]{2}-[^\n]*\n)*[2-5][0-9]{2}(?: [^\n]*)?\n/.exec(rig.text.slice(at))?.[0] ?? rig.text.slice(at)
    at += reply.length
    return reply.trimEnd().split(/\r?\n/).join(' | ')
  }
  assert.match(next(), /^220 /)
  for (const step of dialogue.client) playStep(rig, step, next)
  for (const [i, want] of (dialogue.reads ?? []).entries()) {
    if (want !== undefined) assert.deepEqual(rig.calls[i]?.map(({ read }) => read), want, `mail server ${i}`)
  }
  const events = rig.log.map(({ event }) => event as string)
  for (const event of dialogue.logs ?? []) assert.ok(events.includes(event), `${event} in ${events.join(', ')}`)
  if (dialogue.passed === undefined) return
  const stamps = rig.remembered.get('192.0.2.7')?.split(';').slice(2) ?? []
  assert.equal(stamps.length > 0 && stamps.every((stamp) => Number(stamp) > 1), dialogue.passed)
}

/** @param next reads the next reply */
function playStep(rig: CoreRig, step: Step, next: () => string): void {
  if ('do' in step) {
    if (step.do === 'half') rig.end()
    else if (step.do === 'closed') assert.ok(rig.isClosed, 'the connection is open')
    return
  }
  const text = 'raw' in step ? step.raw : step[0].endsWith('\n') ? step[0] : `${step[0]}\r\n`
  if (text !== '') rig.send(text)
  if ('bytes' in step) return assert.ok(rig.text.endsWith(step.bytes))
  const wanted = 'raw' in step ? ('gets' in step ? (step.gets ?? []) : []) : step.slice(1)
  for (const want of wanted) {
    const reply = next()
    assert.ok(reply.startsWith(want), `${JSON.stringify(text)} gets ${JSON.stringify(reply)} instead of ${JSON.stringify(want)}`)
  }
}
