// DNS messages for tests, byte by byte: what an encoder would refuse to write can be written here.

/** A record; names are bytes as they stand in the message. What is left out fits. */
export interface RawRecord {
  readonly owner?: Buffer
  readonly type?: number
  readonly class?: number
  readonly ttl?: number
  readonly rdlength?: number
  readonly data: Buffer
}

export interface RawMessage {
  readonly flags?: number
  readonly answers?: readonly RawRecord[]
  readonly authorities?: readonly RawRecord[]
  readonly additionals?: readonly RawRecord[]
  /** Instead of the true ones. */
  readonly counts?: readonly [answers: number, authorities: number, additionals: number]
  readonly after?: Buffer
}

/** A compression pointer. */
export const pointer = (to: number): Buffer => Buffer.from([0xc0 | (to >> 8), to & 255])

/** To the name in the question. */
export const asked = pointer(12)

export const labels = (name: string): Buffer =>
  Buffer.concat([...name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1')), Buffer.alloc(1)])

/** An A record of the name in the question. */
export const addressRecord = (address: string, more: Partial<RawRecord> = {}): RawRecord => ({
  data: Buffer.from(address.split('.').map(Number)),
  ...more,
})

export function rawRecord({ owner = asked, type = 1, class: of = 1, ttl = 60, data, rdlength = data.length }: RawRecord): Buffer {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(of, 2)
  fixed.writeUInt32BE(ttl, 4)
  fixed.writeUInt16BE(rdlength, 8)
  return Buffer.concat([owner, fixed, data])
}

/** A response to `query`, with its id and its question. */
export function rawMessage(query: Buffer, message: RawMessage): Buffer {
  const { flags = 0x8180, answers = [], authorities = [], additionals = [], after = Buffer.alloc(0) } = message
  const header = Buffer.alloc(12)
  header.writeUInt16BE(query.readUInt16BE(0), 0)
  header.writeUInt16BE(flags, 2)
  header.writeUInt16BE(1, 4)
  const counts = message.counts ?? [answers.length, authorities.length, additionals.length]
  for (const [index, count] of counts.entries()) header.writeUInt16BE(count, 6 + 2 * index)
  return Buffer.concat([header, query.subarray(12), ...[...answers, ...authorities, ...additionals].map(rawRecord), after])
}
