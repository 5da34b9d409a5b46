// The picture of the dashboard is the one that its command draws, from what the present queries gave.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { dashboardPicture, pictureFile } from './dashboard-picture.ts'
import { picturedQueries, readRecord } from './dashboard-record.ts'

const { queries, normal, attack } = readRecord()

test('the record has what the present queries of the dashboard gave', () => {
  assert.deepEqual(queries, picturedQueries(), 'record them again: node test/boards/dashboard-record.ts')
})

test('the picture is the one that the command draws', () => {
  assert.equal(readFileSync(pictureFile, 'utf8'), dashboardPicture(), 'draw it again: node test/boards/dashboard-picture.ts')
})

test('an attack can be told from a normal day: more come, and as many are handed off', () => {
  const [connections, handedOff] = ['Connections compared with a day ago', 'Handed off compared with a day ago'] as const
  assert.ok((normal.stats[connections] ?? 0) < 1.5 && (attack.stats[connections] ?? 0) > 3)
  for (const { stats } of [normal, attack]) assert.ok((stats[handedOff] ?? 0) > 0.7 && (stats[handedOff] ?? 0) < 1.3)
})
