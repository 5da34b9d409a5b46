// One dialogue on two servers at the same time: what both clients saw and what both logs say, as texts that should be equal.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Listener } from '../support/play-live.ts'
import { playLive, seenLive } from '../support/play-live.ts'
import type { PlayedLive } from '../support/play-live.ts'
import { closed } from '../support/player.ts'
import { parseSession, withSeen } from '../support/session-file.ts'
import type { SessionFile } from '../support/session-file.ts'

export interface Comparison {
  readonly equal: boolean
  /** The dialogue with what each server made of it. */
  readonly left: string
  readonly right: string
}

export interface Compared extends Comparison {
  /** The same comparison with what the logs say by now. */
  again(): Promise<Comparison>
}

/** Log lines may come this much later than replies; a session may even end after its client has left. */
const logPatienceMs = 4000

/** Plays `text` on both; waits for log lines until they are equal or time is up. */
export async function compare(text: string, left: Listener, right: Listener): Promise<Compared> {
  const file = parseSession(text)
  const [one, other] = await Promise.all([playLive(file, left), playLive(file, right)])
  const views = withoutLoss(file, one, other)
  const again = async (): Promise<Comparison> => {
    const texts = {
      left: await normalised(file, { ...one, views: views.left }, left),
      right: await normalised(file, { ...other, views: views.right }, right),
    }
    return { equal: texts.left === texts.right, ...texts }
  }
  const end = performance.now() + logPatienceMs
  for (;;) {
    const comparison = await again()
    if (comparison.equal || performance.now() > end) return { ...comparison, again }
    await sleep(40)
  }
}

type Views = PlayedLive['views']

/**
 * A server that closes with unread input resets the connection, and what it has said last may get lost on the way. Where one side may have
 * lost something and saw the beginning of what the other one saw, it is taken to have seen the rest as well: the logs still must be equal.
 */
function withoutLoss(file: SessionFile, one: PlayedLive, other: PlayedLive): { left: Views; right: Views } {
  const left = new Map(one.views)
  const right = new Map(other.views)
  const lost = new Set<string>()
  for (const { at, on, do: what } of file.steps) {
    if (what === 'connect') lost.delete(on)
    const [mine, theirs] = [left.get(at), right.get(at)]
    if (mine === undefined || theirs === undefined) continue
    if (lost.has(on) || (one.lossy.has(on) && isBeginning(mine, theirs)) || (other.lossy.has(on) && isBeginning(theirs, mine))) {
      if (mine.join() !== theirs.join()) lost.add(on)
      left.set(at, theirs)
    }
  }
  return { left, right }
}

function isBeginning(short: readonly string[], long: readonly string[]): boolean {
  return short.at(-1) === closed && short.slice(0, -1).every((line, index) => line === long[index])
}

/** Postfix's logger cuts a text after 2000 bytes, which is not postscreen's doing. Here names stand for ports, so it was a bit longer. */
const longestLogText = 1980

async function normalised(file: SessionFile, played: PlayedLive, listener: Listener): Promise<string> {
  const seen = await seenLive(file, played, listener)
  const log = seen.log.map((line) => line.slice(0, longestLogText))
  return withSeen(file, { ...seen, log })
    .replace(/(PREGREET \d+|HANGUP) after [\d.]+ from/g, '$1 after TIME from')
    .replace(/(queued as) \w+/g, '$1 ID')
}
