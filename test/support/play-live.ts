// Plays a scenario against a listener over TCP, whatever it is: a real postscreen or the gateway.

import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientLog } from './client-log.ts'
import { Player } from './player.ts'
import { relativeRecord, sameRecord } from './relative-record.ts'
import type { Seen, SessionFile, Step } from './session-file.ts'
import { addressesOf } from './session-file.ts'

/** A listener under test, as one policy makes it. */
export interface Listener {
  readonly port: number
  /** All that it has logged so far, in postscreen's words. */
  readonly log: ClientLog
  /** What its allowlist holds of a client, or undefined. */
  remembered(address: string): Promise<string | undefined>
}

/** A scenario that has been played; its log lines are picked out later, when all has been written. */
export interface PlayedLive {
  readonly views: ReadonlyMap<number, readonly string[]>
  /** Client `[address]:port` -> the connection's name. */
  readonly names: ReadonlyMap<string, string>
  /** Connections whose last replies may be lost. */
  readonly lossy: ReadonlySet<string>
  /** Epoch seconds. */
  readonly start: number
  /** How many lines the log had at the start and at the end. */
  readonly logStart: number
  readonly logEnd: number
}

/** How long a scenario that plays alone waits for lines that name no client. */
const aloneMs = 200

/** Plays every step in order. Connections that are still open at the end are closed. */
export async function playLive(file: SessionFile, listener: Listener): Promise<PlayedLive> {
  const players = new Map<string, Player>()
  const names = new Map<string, string>()
  const views = new Map<number, readonly string[]>()
  const start = Math.floor(Date.now() / 1000)
  const logStart = listener.log.count
  for (const step of file.steps) {
    if (step.do === 'connect') {
      const player = await Player.connect({ host: step.to, port: listener.port, from: step.from })
      players.set(step.on, player)
      names.set(`[${step.from}]:${player.port}`, step.on)
      continue
    }
    const player = players.get(step.on)
    if (player === undefined) throw new Error(`line ${step.at + 1}: there is no connection "${step.on}"`)
    const seen = await play(player, step)
    if (seen !== undefined) views.set(step.at, seen)
  }
  const lossy = new Set([...players].filter(([, player]) => player.mayHaveLost).map(([name]) => name))
  for (const player of players.values()) await player.close()
  if (file.alone) await sleep(aloneMs)
  return { views, names, lossy, start, logStart, logEnd: listener.log.count }
}

async function play(player: Player, step: Exclude<Step, { do: 'connect' }>): Promise<string[] | undefined> {
  switch (step.do) {
    case 'send':
      await player.send(step.text)
      return undefined
    case 'sleep':
      await sleep(step.seconds * 1000)
      return undefined
    case 'half':
      player.half()
      return undefined
    case 'close':
    case 'reset':
      await player[step.do]()
      return undefined
    case 'replies':
      return player.replies(step.count, step.seconds)
    case 'line':
    case 'quiet':
    case 'end':
    case 'tls':
      return player[step.do](step.seconds)
  }
}

/** What was seen, once the log is complete: ports by name, times as the file has them where they are near. */
export async function seenLive(file: SessionFile, played: PlayedLive, listener: Listener): Promise<Seen> {
  const addresses = addressesOf(file)
  const log = listener.log.of(addresses, file.alone ? { first: played.logStart, last: played.logEnd } : undefined)
  const lines = log.map((line) => named(line, played, listener.port))
  const remembers: string[] = []
  for (const line of file.remembersAt === undefined ? [] : addresses) {
    const record = await listener.remembered(line)
    if (record !== undefined) remembers.push(recordLine(file, line, record, played.start))
  }
  return { views: played.views, remembers, log: lines.map((line, index) => withTimeOf(line, file.log[index])) }
}

function recordLine(file: SessionFile, address: string, record: string, start: number): string {
  const want = file.remembers.find((line) => line.startsWith(`${address} `))
  if (want !== undefined && sameRecord(want.slice(address.length + 1), record, start)) return want
  return `${address} ${relativeRecord(record, start)}`
}

function named(line: string, played: PlayedLive, serverPort: number): string {
  const server = line.replace(new RegExp(`(^CONNECT from .* to \\[[^\\]]*\\]):${serverPort}$`), '$1:25')
  return server.replace(/(\[[\d.]+\])(:?)(\d+)/g, (all, address: string, colon: string, port: string) => {
    const name = played.names.get(`${address}:${port}`)
    return name === undefined ? all : address + colon + name
  })
}

const elapsed = / after ([\d.]+) from /

/** Elapsed times vary with the machine: one that is near the wanted one is shown as wanted. */
function withTimeOf(line: string, want: string | undefined): string {
  const measured = elapsed.exec(line)
  const wanted = want === undefined ? null : elapsed.exec(want)
  if (measured === null || wanted === null) return line
  const late = Number(measured[1]) - Number(wanted[1])
  // Postfix's timers count whole seconds, so what waits for one may be up to a second early.
  return late > (Number(wanted[1]) < 1 ? -0.5 : -1.2) && late < 0.5 ? line.replace(elapsed, wanted[0]) : line
}
