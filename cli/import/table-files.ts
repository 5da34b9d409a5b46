// Finds and reads the files that parameters name. They are usually copies beside the input, because the mail host is
// another machine.
import { readFileSync, statSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import type { TableFiles } from './lookup-table.ts'

/** Larger files are refused: no table of networks is that large, and the whole file must fit into memory. */
const largest = 64 * 1024 * 1024

/** UTF-8, or UTF-16 according to its byte order mark: PowerShell writes UTF-16 for `ssh HOST postconf -n > main.cf`. */
function textOf(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  return bytes.toString('utf8')
}

/** A text file of at most 64 MiB, or why it cannot be read. */
export function readTextFile(path: string): { readonly text: string } | { readonly why: string } {
  try {
    const status = statSync(path)
    if (!status.isFile()) return { why: 'is not a file' }
    if (status.size > largest) return { why: `is larger than ${largest} bytes` }
    return { text: textOf(readFileSync(path)) }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    return { why: code === 'ENOENT' ? 'no such file' : `cannot be read: ${code}` }
  }
}

/** All of standard input. */
export function readStandardInput(): { readonly text: string } | { readonly why: string } {
  try {
    return { text: textOf(readFileSync(0)) }
  } catch (error) {
    return { why: `cannot be read: ${error instanceof Error ? error.message : String(error)}` }
  }
}

/**
 * Places where a file of the mail host may be on this machine: in the folder, with as many parts of its path as exist
 * there, or at the same path.
 */
function places(path: string, folder: string): readonly string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '.' && name !== '..')
  return [...names.map((_, at) => join(folder, ...names.slice(at))), isAbsolute(path) ? path : resolve(folder, path)]
}

/** Table files for an input in `folder`. `onHost`: the input is from this host, so the path itself is tried first. */
export function tableFilesBeside(folder: string, { onHost = false }: { readonly onHost?: boolean } = {}): TableFiles {
  const all = (path: string): readonly string[] =>
    onHost ? [...(isAbsolute(path) ? [path] : []), ...places(path, resolve(folder))] : places(path, folder)
  return {
    read(path) {
      let why = 'no such file'
      for (const place of all(path)) {
        const file = readTextFile(place)
        if ('text' in file) return { text: file.text, from: place }
        if (file.why !== 'no such file') why = `${place} ${file.why}`
      }
      return { why: why === 'no such file' ? `no such file, and no copy in ${folder}` : why }
    },
  }
}
