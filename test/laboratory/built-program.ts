// The program in the form that the image contains: built by the same code, with its code compiled.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from '../../release/build.ts'
import { fillCompileCache } from '../../release/fill-compile-cache.ts'

export interface BuiltProgram {
  readonly file: string
  /** As the image sets it. */
  readonly environment: Readonly<Record<string, string>>
  remove(): void
}

/** Takes some seconds. */
export async function buildProgram(): Promise<BuiltProgram> {
  const folder = mkdtempSync(join(tmpdir(), 'built-'))
  await build(folder)
  const [file, cache] = [join(folder, 'program/postscreen.js'), join(folder, '.compiled')]
  await fillCompileCache(file, cache)
  const environment = { NODE_ENV: 'production', NODE_COMPILE_CACHE: cache, MALLOC_ARENA_MAX: '2' }
  return { file, environment, remove: () => rmSync(folder, { recursive: true }) }
}
