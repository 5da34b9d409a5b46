// The export format of the journal (journalctl -o export): FIELD=VALUE lines, values with their length where they are
// not text, and an empty line between entries. systemd.io/JOURNAL_EXPORT_FORMATS

/** A longer value is skipped. */
const longestValue = 1024 * 1024
const wanted: ReadonlySet<string> = new Set(['__REALTIME_TIMESTAMP', '_HOSTNAME', 'SYSLOG_IDENTIFIER', 'MESSAGE'])

/** Begins each entry. */
const entryStart = '\n__CURSOR='
const fieldName = /^[A-Z0-9_]{1,64}$/
/** journald's own limit (DATA_SIZE_MAX); a longer value is damage. */
const mostBytes = 768n * 1024n * 1024n

type Entry = Record<string, string>

export class JournalExport {
  /** Not read yet; the export itself begins without an empty line. */
  #bytes: Buffer = Buffer.from('\n')
  #entry: Entry = {}
  /** The rest of a value that is too long. */
  #skip = 0
  #unread = 0
  /** What comes next is not the start of a field: the export is damaged, or begins in the middle. */
  #isLost = true

  /** The entries that are complete with this piece. Only the fields that a log reader needs are kept. */
  take(chunk: Buffer): Entry[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    const entries: Entry[] = []
    for (;;) {
      const next = this.#next()
      if (next === 'more') return entries
      if (next === 'end') {
        if (this.#entry['MESSAGE'] !== undefined) entries.push(this.#entry)
        this.#entry = {}
      }
    }
  }

  /** The last entry, if no empty line follows it, and how many entries could not be read: too long, or cut off. */
  rest(): { readonly entry: Entry | undefined; readonly unread: number } {
    const isCut = !this.#isLost && this.#bytes.length > 0
    return { entry: this.#entry['MESSAGE'] === undefined ? undefined : this.#entry, unread: this.#unread + (isCut ? 1 : 0) }
  }

  #next(): 'more' | 'field' | 'end' {
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, this.#bytes.length)
      this.#skip -= skipped
      this.#bytes = this.#bytes.subarray(skipped)
      if (this.#skip > 0) return 'more'
    }
    if (this.#isLost && !this.#find()) return 'more'
    const newline = this.#bytes.indexOf(0x0a)
    if (newline < 0) return this.#more()
    if (newline === 0) {
      this.#bytes = this.#bytes.subarray(1)
      return 'end'
    }
    const line = this.#bytes.toString('utf8', 0, newline)
    const equals = line.indexOf('=')
    if (equals < 0) return fieldName.test(line) ? this.#binary(line, newline + 1) : this.#lose()
    this.#keep(line.slice(0, equals), line.slice(equals + 1))
    this.#bytes = this.#bytes.subarray(newline + 1)
    return 'field'
  }

  /** Goes to the next entry. @returns whether it has begun */
  #find(): boolean {
    const start = this.#bytes.indexOf(entryStart)
    if (start < 0) {
      this.#bytes = this.#bytes.subarray(Math.max(0, this.#bytes.length - entryStart.length))
      return false
    }
    this.#bytes = this.#bytes.subarray(start + 1)
    this.#entry = {}
    this.#isLost = false
    return true
  }

  /** The entry is damaged. */
  #lose(): 'field' {
    this.#unread++
    this.#isLost = true
    return 'field'
  }

  /** A line that never ends is not kept. */
  #more(): 'more' {
    if (this.#bytes.length > longestValue) {
      this.#bytes = Buffer.alloc(0)
      this.#unread++
    }
    return 'more'
  }

  /** Eight bytes of length, lowest first, the value, and a newline. */
  #binary(name: string, start: number): 'more' | 'field' {
    if (this.#bytes.length < start + 8) return 'more'
    const length = this.#bytes.readBigUInt64LE(start)
    if (length > mostBytes) return this.#lose()
    if (length > longestValue) {
      this.#skip = Number(length) + 1
      this.#unread++
      this.#bytes = this.#bytes.subarray(start + 8)
      return 'field'
    }
    const end = start + 8 + Number(length)
    if (this.#bytes.length < end + 1) return 'more'
    this.#keep(name, this.#bytes.toString('utf8', start + 8, end))
    this.#bytes = this.#bytes.subarray(end + 1)
    return 'field'
  }

  #keep(name: string, value: string): void {
    if (wanted.has(name)) this.#entry[name] = value
  }
}
