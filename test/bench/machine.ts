// The machine that was measured on: what it is, which programs took part, and whether it was quiet.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { arch, cpus, loadavg, release, totalmem, type } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { valkeyProgram } from '../peers/valkey.ts'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGB: number
  readonly kernel: string
  /** By program. */
  readonly versions: Readonly<Record<string, string>>
  /** Of the last minute, before the measurement; what ran before it counts too. */
  readonly load: number
  /** The share of all cores' time that was used in the second before the measurement, 0 to 1. */
  readonly busy: number
}

/** From that share on, figures are not to be trusted. */
const quietUpTo = 0.1

/** Looks around for a second. */
export async function lookAtMachine(): Promise<Machine> {
  const before = cpuTimes()
  await sleep(1000)
  const after = cpuTimes()
  const all = after.all - before.all
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()} ${arch()}`,
    versions: versions(),
    load: loadavg()[0] ?? 0,
    busy: all === 0 ? 0 : (all - (after.idle - before.idle)) / all,
  }
}

/** What to say of a machine that has other work, or undefined. */
export function busyWarning({ busy }: Machine): string | undefined {
  if (busy <= quietUpTo) return undefined
  return `the machine is busy: ${Math.round(busy * 100)} % of its cores' time is used by others; figures of such a run are not worth keeping`
}

/** proc(5), /proc/stat: ticks of all cores; idle and waiting for a disk are the fourth and the fifth. Stolen time is used by others. */
function cpuTimes(): { readonly all: number; readonly idle: number } {
  const [, ...ticks] = readFileSync('/proc/stat', 'latin1').split('\n')[0]?.trim().split(/\s+/) ?? []
  const numbers = ticks.slice(0, 8).map(Number)
  return { all: numbers.reduce((sum, one) => sum + one, 0), idle: (numbers[3] ?? 0) + (numbers[4] ?? 0) }
}

function versions(): Readonly<Record<string, string>> {
  const found: Record<string, string> = { Node: process.versions.node }
  const postfix = firstMatch('postconf', ['-dh', 'mail_version'], /^\S+/)
  if (postfix !== undefined) found['Postfix'] = postfix
  const haproxy = firstMatch('haproxy', ['-v'], /version (\S+)/)
  if (haproxy !== undefined) found['HAProxy'] = haproxy
  const rbldnsd = firstMatch('rbldnsd', ['-h'], /version (\S+)/)
  if (rbldnsd !== undefined) found['rbldnsd'] = rbldnsd
  const server = valkeyProgram('server')
  const store = server === undefined ? undefined : firstMatch(server, ['--version'], /v=(\S+)/)
  if (server !== undefined && store !== undefined) found[server.includes('valkey') ? 'Valkey' : 'Redis'] = store
  return found
}

function firstMatch(program: string, args: readonly string[], pattern: RegExp): string | undefined {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, PATH: path } })
  const match = pattern.exec(`${stdout ?? ''}${stderr ?? ''}`)
  return match?.[1] ?? match?.[0]
}
