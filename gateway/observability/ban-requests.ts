// Requests for /bans: GET lists them, POST adds or removes one.
import { visibleText } from '../../crds/values/visible-text.ts'
import { type AdminPage, plainPage } from '../../runtime/admin-server.ts'
import { type BanAnswer, type BanChange, type BanPage, noBans } from '../bans/ban-page.ts'

/** What the pages need; promises where workers are asked. */
export interface BanPages {
  /** Undefined when the policy has no bans. */
  bans(): BanPage | undefined | Promise<BanPage | undefined>
  changeBans(change: BanChange): BanAnswer | Promise<BanAnswer>
}

export async function listBans(pages: BanPages): Promise<AdminPage> {
  const page = await pages.bans()
  if (page === undefined) return plainPage(noBans.code, noBans.text)
  return { code: 200, type: 'application/json', text: `${JSON.stringify(page, undefined, 2)}\n` }
}

/** Reads `add=ADDRESS`, with `seconds=N` or without, or `remove=ADDRESS`. */
export async function changeBans(pages: BanPages, query: URLSearchParams): Promise<AdminPage> {
  const change = readChange(query)
  if ('why' in change) return plainPage(400, change.why)
  const { code, text } = await pages.changeBans(change)
  return plainPage(code, visibleText(text))
}

const form = 'expected /bans?add=ADDRESS&seconds=N, /bans?add=ADDRESS or /bans?remove=ADDRESS'

function readChange(query: URLSearchParams): BanChange | { readonly why: string } {
  const names = [...query.keys()].toSorted().join()
  const [add, remove, seconds] = [query.get('add'), query.get('remove'), query.get('seconds')]
  if (names === 'remove' && remove !== null) return { do: 'remove', network: remove }
  if (names === 'add' && add !== null) return { do: 'add', network: add }
  if (names !== 'add,seconds' || add === null || seconds === null) return { why: form }
  return /^[1-9][0-9]{0,8}$/.test(seconds)
    ? { do: 'add', network: add, seconds: Number(seconds) }
    : { why: 'seconds must be a whole number from 1' }
}
