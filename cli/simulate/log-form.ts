// What form a log has, by its first bytes.

/** `lines`: text, or anything else; what has no session is refused at the end. */
export type LogForm = 'gzip' | 'journal export' | 'lines'

/** So many bytes are enough to tell. */
export const startBytes = 9

/** Forms that are not read, and what to do. */
const foreign: readonly { readonly start: string; readonly why: string }[] = [
  { start: '\x28\xb5\x2f\xfd', why: 'is compressed with zstd, and only gzip is read: zstdcat FILE | postscreen simulate … -' },
  { start: '\xfd7zXZ', why: 'is compressed with xz, and only gzip is read: xzcat FILE | postscreen simulate … -' },
  { start: 'BZh', why: 'is compressed with bzip2, and only gzip is read: bzcat FILE | postscreen simulate … -' },
  { start: 'PK\x03\x04', why: 'is a zip archive; extract the logs in it' },
  { start: 'LPKSHHRH', why: 'is a file of the journal; export it: journalctl --file FILE -o export | postscreen simulate … -' },
  { start: '\xff\xfe', why: 'is text in UTF-16, as PowerShell writes it; convert it to UTF-8' },
]

/** Throws for a form that is known and not read. */
export function formOf(first: Buffer): LogForm {
  const start = first.toString('latin1', 0, startBytes)
  const known = foreign.find((form) => start.startsWith(form.start))
  if (known !== undefined) throw new Error(known.why)
  if (start.startsWith('\x1f\x8b')) return 'gzip'
  // An export may begin in the middle of an entry.
  return start === '__CURSOR=' || first.includes('\n__CURSOR=') ? 'journal export' : 'lines'
}

/** An error of zlib in the words of this command. */
export function gzipError(error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException
  const why =
    code === 'Z_BUF_ERROR'
      ? 'is cut off: the compressed data ends too early. zcat FILE | postscreen simulate … - reads what is there'
      : `cannot be decompressed: ${message}`
  return new Error(why, { cause: error })
}
