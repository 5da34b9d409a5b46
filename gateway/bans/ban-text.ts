// A change of bans as one line of text, in the server that gateways share.
import type { BanNews } from '../core/bans/ban.ts'

/** Changes that gateways share; failures stay in the gateway. */
export type SharedBanNews = Exclude<BanNews, { readonly is: 'failure' }>

/** `ban NETWORK AT UNTIL NTH BY` or `removed NETWORK AT`; times in epoch milliseconds. */
export function formatBanNews(news: SharedBanNews): string {
  if (news.is === 'removed') return `removed ${news.network} ${Math.round(news.at)}`
  const { network, at, until, nth, by } = news.ban
  return `ban ${network} ${Math.round(at)} ${Math.round(until)} ${nth} ${by}`
}

const ban = /^ban (\S{1,50}) (\d{1,15}) (\d{1,15}) (\d{1,9}) (gateway|administrator)$/
const removed = /^removed (\S{1,50}) (\d{1,15})$/

/** Undefined for any other text. Whether the policy would ban the network is for the table to check. */
export function parseBanNews(text: string): SharedBanNews | undefined {
  const [, network = '', at, until, nth, by] = ban.exec(text) ?? []
  if (by !== undefined) {
    const who = by === 'gateway' ? 'gateway' : 'administrator'
    return { is: 'ban', ban: { network, at: Number(at), until: Number(until), nth: Number(nth), by: who } }
  }
  const [, removedNetwork, when] = removed.exec(text) ?? []
  return removedNetwork === undefined ? undefined : { is: 'removed', network: removedNetwork, at: Number(when) }
}
