// The places of bans: a gateway, through its admin server, or the Valkey that the gateways of a policy share.
import { dirname } from 'node:path'
import { request } from 'undici'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import { settingsOfPolicy } from '../../gateway/allowlist/valkey-settings.ts'
import { openValkeyConnection, type ValkeyConnection } from '../../gateway/allowlist/valkey-connection.ts'
import { type BanAnswer, type BanChange, banEntry, type BanEntry, changeBans } from '../../gateway/bans/ban-page.ts'
import { formatBanNews } from '../../gateway/bans/ban-text.ts'
import { banListKey, banListLength, keptMs, SharedBans } from '../../gateway/bans/shared-bans.ts'
import { banRules } from '../../gateway/core/bans/ban-rules.ts'
import { BanTable } from '../../gateway/core/bans/ban-table.ts'
import type { BanRules } from '../../gateway/core/bans/ban.ts'
import { messageOf } from '../../runtime/caught.ts'

/** Every call rejects with the reason if the place cannot be used. */
export interface BanPlace {
  list(): Promise<readonly BanEntry[]>
  change(change: BanChange): Promise<BanAnswer>
  close(): Promise<void>
}

const patienceMs = 10_000
/** A table that is full has about 3 MB. */
const largestPage = 16 * 2 ** 20

/** @param url of the admin server, such as `http://127.0.0.1:2580` */
export function gatewayPlace(url: string): BanPlace {
  const ask = async (method: 'GET' | 'POST', path: string): Promise<{ readonly code: number; readonly text: string }> => {
    try {
      const { statusCode, body } = await request(`${url}${path}`, { method, signal: AbortSignal.timeout(patienceMs) })
      const pieces: Uint8Array[] = []
      let size = 0
      for await (const piece of body as AsyncIterable<Uint8Array>) {
        size += piece.length
        if (size > largestPage) throw new Error('the answer is too long')
        pieces.push(piece)
      }
      return { code: statusCode, text: Buffer.concat(pieces).toString().trim() }
    } catch (error) {
      throw new Error(`${url} cannot be asked: ${messageOf(error)}`, { cause: error })
    }
  }
  return {
    async list() {
      const { code, text } = await ask('GET', '/bans')
      if (code !== 200) throw new Error(`${url}: ${text}`)
      return entriesIn(text, url)
    },
    async change(change) {
      const seconds = change.do === 'add' && change.seconds !== undefined ? { seconds: String(change.seconds) } : {}
      const query = new URLSearchParams({ [change.do]: change.network, ...seconds })
      const { code, text } = await ask('POST', `/bans?${query.toString()}`)
      if (code === 200 || code === 400 || code === 404 || code === 409) return { code, text }
      throw new Error(`${url}: ${text}`)
    },
    close: () => Promise.resolve(),
  }
}

function entriesIn(text: string, url: string): readonly BanEntry[] {
  try {
    const page = JSON.parse(text) as { readonly bans?: unknown }
    if (Array.isArray(page.bans)) return page.bans as readonly BanEntry[]
  } catch {
    // Not JSON: reported below.
  }
  throw new Error(`${url}: the answer of /bans has another form; is it a gateway of this version?`)
}

/** The file has a policy with a shared store and with bans; otherwise this throws. */
export async function valkeyPlace(file: string, spec: PolicySpec): Promise<BanPlace> {
  const rules = banRules(spec.bans)
  if (rules === undefined) throw new Error(`${file}: the policy has no bans (spec.bans)`)
  if (spec.allowlist.store !== 'Valkey')
    throw new Error(`${file}: each gateway of this policy has its own bans, since allowlist.store is Local; use --gateway URL`)
  return new ValkeyPlace(await openValkeyConnection(settingsOfPolicy(spec.allowlist.valkey, dirname(file))), rules)
}

/** Makes the same table of the list as the gateways do. */
class ValkeyPlace implements BanPlace {
  readonly #connection: ValkeyConnection
  readonly #rules: BanRules

  constructor(connection: ValkeyConnection, rules: BanRules) {
    this.#connection = connection
    this.#rules = rules
  }

  async #table(): Promise<BanTable> {
    const table = new BanTable()
    const learn = (news: Parameters<BanTable['learn']>[0]): void => table.learn(news, Date.now(), this.#rules)
    await new SharedBans({ connection: () => this.#connection, learn, info: () => undefined, warn: () => undefined }).read(this.#connection)
    return table
  }

  async list(): Promise<readonly BanEntry[]> {
    const table = await this.#table()
    return table.list(Date.now()).map(banEntry)
  }

  async change(change: BanChange): Promise<BanAnswer> {
    const table = await this.#table()
    const answer = changeBans(table, this.#rules, change, Date.now())
    const news = table.takeNews().filter((one) => one.is !== 'failure')
    // A removal of what this machine does not know is not written: the answer says that there is no such ban.
    if (answer.code === 200) {
      const bounds = { most: banListLength, keptMs: keptMs(this.#rules) }
      await this.#connection.append(banListKey, news.map(formatBanNews), bounds)
    }
    return answer
  }

  async close(): Promise<void> {
    this.#connection.close()
  }
}
