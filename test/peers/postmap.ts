// Looks addresses up in a cidr table with Postfix's own `postmap -q`.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TableAnswers {
  readonly results: ReadonlyMap<string, string>
  /** Each warning of a line, without the name of the file. */
  readonly warnings: readonly string[]
}

/**
 * The results of those addresses that a cidr table has. The file gets an old time stamp: Postfix reads a new file again
 * until it has stopped changing.
 */
export async function askPostmap(table: Buffer, addresses: readonly string[]): Promise<TableAnswers> {
  const folder = mkdtempSync(join(tmpdir(), 'cidr-'))
  const path = join(folder, 'table')
  writeFileSync(path, table)
  utimesSync(path, 1e9, 1e9)
  const { promise, resolve } = Promise.withResolvers<{ readonly stdout: string; readonly stderr: string }>()
  const postmap = execFile('postmap', ['-q', '-', `cidr:${path}`], { encoding: 'latin1', maxBuffer: 2 ** 24 }, (_, stdout, stderr) =>
    resolve({ stdout, stderr }),
  )
  postmap.stdin?.end(`${addresses.join('\n')}\n`)
  const { stdout, stderr } = await promise
  rmSync(folder, { recursive: true })
  const lines = stdout.split('\n').filter((line) => line !== '')
  return {
    results: new Map(lines.map((line) => [line.slice(0, line.indexOf('\t')), line.slice(line.indexOf('\t') + 1)])),
    warnings: stderr
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.replace(/^postmap: (warning: )?/, '').replaceAll(path, '')),
  }
}
