// A policy in the form that sessions use: sets of tests, milliseconds, formatted replies, compiled lists.
import { knownList } from '../../crds/dns-lists/known-list.ts'
import { milliseconds, type Seconds, shorter } from '../../crds/values/duration.ts'
import { fillIn } from '../../crds/values/macros.ts'
import type { ReplyFooter } from '../../crds/values/reply-footer.ts'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import { type AccessEntry, type AccessList, type AccessMatch, type CompiledTable, compileAccessList, compileTable } from './access-list.ts'
import { type AccessRule, accessRule } from './access-rule.ts'
import { allowlistKeys } from './allowlist-key.ts'
import { type AddressTable, compileAddressTable } from './address-table.ts'
import type { Network } from '../../crds/values/network.ts'
import { senderName } from './spf/senders-of-policy.ts'
import type { BanRules } from './bans/ban.ts'
import { banRules } from './bans/ban-rules.ts'
import { type ClientAddressRules, clientAddressRules } from './client-address/address-rules.ts'
import type { DnsblKey } from './dnsbl-key.ts'
import type { DnsblList, DnsblRules } from './dnsbl.ts'
import { discardSet, type EhloDiscard } from './ehlo.ts'
import { complement } from '../../crds/values/network.ts'
import { type HostReplies, hostReplies } from './replies.ts'
import { bit, type TestSet } from './tests.ts'
import type { Action, TestName } from './vocabulary.ts'

/** A wait that is shorter while the gateway is under stress, in milliseconds. */
export interface StressTime {
  readonly normal: number
  readonly stress: number
}

/** How the dummy SMTP engine behaves. */
export interface SmtpRules {
  readonly heloRequired: boolean
  readonly vrfyDisabled: boolean
  readonly announceVRFY: boolean
  readonly messageSizeLimit: number
  readonly lineLengthLimit: number
  readonly commandCountLimit: number
  readonly commandTimeLimit: StressTime
  readonly utf8: boolean
  readonly softBounce: boolean
  readonly discard: EhloDiscard
  readonly discardFor: { readonly table: AddressTable; readonly discards: readonly EhloDiscard[] }
  readonly footer: ReplyFooter
  readonly footerFor: ReadonlyMap<string, ReplyFooter>
  readonly commandFilter: ReadonlyMap<string, string>
  readonly forbiddenCommands: ReadonlySet<string>
  readonly nonAlphabeticForbidden: boolean
  readonly tls: 'None' | 'May' | 'Encrypt'
  readonly handshakeTimeout: StressTime
  /** A client that passes the deep tests is handed off at its first recipient; otherwise it must come again. */
  readonly sameSession: boolean
  /** A client that may be handed off in the same session is handed off at STARTTLS too. */
  readonly tlsPassesThrough: boolean
}

/** A policy as sessions use it. Times to live are in seconds, like the stamps of the allowlist record. */
export interface Rules {
  readonly audit: boolean
  readonly hostname: string
  readonly enabled: TestSet
  readonly action: Readonly<Record<TestName, Action>>
  readonly deniedAction: Action
  readonly ttl: Readonly<Record<Exclude<TestName, 'dnsbl'>, Seconds>>
  /** Validity of a deep test that failed with action Ignore: the smallest of all (postscreen: psc_min_ttl). */
  readonly minTTL: Seconds
  readonly greetWait: StressTime
  readonly dnsbl: DnsblRules
  readonly access: AccessList
  /** The rule that `access` has found, for the log. */
  readonly accessRule: (match: AccessMatch) => AccessRule
  readonly clientAddress: ClientAddressRules
  readonly allowlistInterface: (serverAddress: string) => boolean
  /** The key of a client in the temporary allowlist. */
  readonly allowlistKey: (clientAddress: string) => string
  /** Undefined: no client is banned. */
  readonly bans: BanRules | undefined
  readonly limits: { readonly connectionsPerClient: number; readonly preQueue: number; readonly postQueue: number }
  readonly host: HostReplies
  readonly smtp: SmtpRules
  /** Epoch milliseconds as `Mmm dd hh:mm:ss`, for reject footers. */
  readonly localTime: (now: number) => string
}

/**
 * What a policy does not contain: the machine's name and time zone, the table files that it names, and the keys of its
 * DNS lists.
 */
export interface Surroundings {
  readonly hostname: string
  readonly localTime: (now: number) => string
  readonly tables: ReadonlyMap<string, CompiledTable>
  /** Networks by the domain whose SPF record permits them, as far as they are known. */
  readonly senders?: ReadonlyMap<string, readonly Network[]>
  /** By the index of the site in the policy. */
  readonly siteKeys?: ReadonlyMap<number, DnsblKey>
}

/** What the access list is made of, besides the policy. */
export type AccessParts = Pick<Surroundings, 'tables' | 'senders'>

/** The access list of a policy. Another one may take its place while the policy is in force, when a sender changes. */
export const compileAccess = (access: PolicySpec['access'], parts: AccessParts): AccessList =>
  compileAccessList(accessEntries(access, parts))

function accessEntries(entries: PolicySpec['access'], { tables, senders }: AccessParts): AccessEntry[] {
  return entries.map((entry): AccessEntry => {
    if (entry.table?.file !== undefined) return { is: 'table', table: tables.get(entry.table.file) ?? compileTable([]) }
    if (entry.spf !== undefined) {
      const rules = entry.spf.map((domain) => ({ networks: senders?.get(senderName(domain)) ?? [], decision: 'Permit' as const }))
      return { is: 'table', table: compileTable(rules) }
    }
    if (entry.table?.rules !== undefined) {
      const rules = entry.table.rules.map((rule) => ({ networks: rule.cidrs, decision: rule.action }))
      return { is: 'table', table: compileTable(rules) }
    }
    const inside = entry.exceptCIDRs === undefined ? (entry.cidrs ?? []) : complement(entry.exceptCIDRs)
    return { is: 'rule', rule: { networks: inside, decision: entry.action ?? 'Dunno' } }
  })
}

/**
 * Whether the temporary allowlist is used on a server address: the first pattern that matches decides; without a match
 * it is not.
 */
function interfaceList(patterns: PolicySpec['allowlist']['interfaces']): (serverAddress: string) => boolean {
  const table = compileAddressTable(patterns)
  return (serverAddress) => patterns[table.lookup(serverAddress)]?.isAllowed ?? false
}

type Site = PolicySpec['dnsbl']['sites'][number]

/** With its index in the policy. */
interface AskedSite {
  readonly site: Site
  readonly index: number
}

/**
 * A list that needs a key is not asked without it: it would refuse the questions and might block the address of the DNS
 * resolver.
 */
function askedSites(sites: readonly Site[], keys: ReadonlyMap<number, DnsblKey>): readonly AskedSite[] {
  return sites
    .map((site, index) => ({ site, index }))
    .filter(({ site, index }) => (site.keySecret ?? site.keyFile) === undefined || keys.has(index))
}

/** The list of each site; sites with the same domain and key have the same one. */
function dnsblLists(sites: readonly AskedSite[], keys: ReadonlyMap<number, DnsblKey>): readonly DnsblList[] {
  const known = new Map<string, DnsblList>()
  return sites.map(({ site: { domain }, index }) => {
    const key = keys.get(index)
    const name = key === undefined ? domain : `${key.reveal()}.${domain}`
    const list = known.get(name) ?? (key === undefined ? { domain } : { domain, account: index, key })
    known.set(name, list)
    return list
  })
}

function dnsblRules(dnsbl: PolicySpec['dnsbl'], keys: ReadonlyMap<number, DnsblKey> = new Map()): DnsblRules {
  const asked = askedSites(dnsbl.sites, keys)
  const lists = dnsblLists(asked, keys)
  const sites = asked.map(({ site: { domain, replies, weight } }, at) => {
    const account = lists[at]?.account
    return {
      domain,
      ...(account !== undefined && { account }),
      filter: replies,
      weight,
    }
  })
  return {
    sites,
    // The first answer wins a tie of weights, so the order of questions matters. Postfix's own order is that of a
    // randomly seeded hash table.
    lists: [...new Set(lists)].toReversed(),
    known: new Map(asked.map(({ site: { domain } }) => [domain, knownList(domain, dnsbl.catalogue)])),
    threshold: dnsbl.threshold,
    allowThreshold: dnsbl.allowThreshold,
    minTTL: dnsbl.minTTL,
    maxTTL: dnsbl.maxTTL,
    timeout: dnsbl.timeout,
    replyMap: new Map(Object.entries(dnsbl.replyMap)),
  }
}

function smtpRules(spec: PolicySpec): SmtpRules {
  const { smtp, deepTests } = spec
  const forbidden = deepTests.nonSMTPCommand.forbiddenCommands
  return {
    heloRequired: smtp.heloRequired,
    vrfyDisabled: smtp.disableVRFY,
    announceVRFY: smtp.announceVRFY,
    messageSizeLimit: smtp.messageSizeLimit,
    lineLengthLimit: smtp.lineLengthLimit,
    commandCountLimit: smtp.commandCountLimit,
    commandTimeLimit: {
      normal: milliseconds(smtp.commandTimeLimit),
      stress: milliseconds(shorter(smtp.commandTimeLimit, smtp.stressCommandTimeLimit)),
    },
    utf8: smtp.smtpUTF8,
    softBounce: smtp.softBounce,
    discard: discardSet(smtp.discardEHLOKeywords),
    discardFor: {
      table: compileAddressTable(smtp.discardEHLOKeywordsFor.map(({ cidrs }) => ({ networks: cidrs }))),
      discards: smtp.discardEHLOKeywordsFor.map(({ keywords }) => discardSet(keywords)),
    },
    footer: smtp.rejectFooter,
    footerFor: new Map(smtp.rejectFooterFor.map(({ reply, footer }) => [reply, footer])),
    commandFilter: new Map(smtp.commandFilter.map(({ command, replacement }) => [command.toLowerCase(), replacement])),
    forbiddenCommands: new Set(forbidden.filter((verb) => verb !== 'NonAlphabetic').map((verb) => verb.toUpperCase())),
    nonAlphabeticForbidden: forbidden.includes('NonAlphabetic'),
    tls: spec.tls.level,
    handshakeTimeout: {
      normal: milliseconds(spec.tls.handshakeTimeout),
      stress: milliseconds(shorter(spec.tls.handshakeTimeout, spec.tls.stressHandshakeTimeout)),
    },
    sameSession: deepTests.handoff === 'SameSession',
    tlsPassesThrough: deepTests.handoff === 'SameSession' && deepTests.tls === 'PassThrough',
  }
}

function enabledDeepTests({ pipelining, nonSMTPCommand, bareNewline }: PolicySpec['deepTests']): number {
  return (
    (pipelining.enabled ? bit.pipelining : 0) |
    (nonSMTPCommand.enabled ? bit.nonSMTPCommand : 0) |
    (bareNewline.enabled ? bit.bareNewline : 0)
  )
}

/**
 * Builds the rules of a valid policy, once for each change: it takes milliseconds, or some hundred for 100,000
 * networks.
 */
export function compileRules(spec: PolicySpec, around: Surroundings): Rules {
  const hostname = spec.hostname === '' ? around.hostname : spec.hostname
  const { greet, dnsbl, deepTests } = spec
  const banner = fillIn(spec.banner, { hostname })
  const teaser = fillIn(greet.banner, { hostname, banner })
  const lists = dnsblRules(dnsbl, around.siteKeys)
  const access = compileAccess(spec.access, around)
  const ttl = {
    pregreet: greet.ttl,
    pipelining: deepTests.pipelining.ttl,
    nonSMTPCommand: deepTests.nonSMTPCommand.ttl,
    bareNewline: deepTests.bareNewline.ttl,
  }
  return {
    audit: spec.mode === 'Audit',
    hostname,
    enabled: (teaser === '' ? 0 : bit.pregreet) | (lists.sites.length === 0 ? 0 : bit.dnsbl) | enabledDeepTests(deepTests),
    action: {
      pregreet: greet.action,
      dnsbl: dnsbl.action,
      pipelining: deepTests.pipelining.action,
      nonSMTPCommand: deepTests.nonSMTPCommand.action,
      bareNewline: deepTests.bareNewline.action,
    },
    deniedAction: spec.denylist.action,
    ttl,
    minTTL: Object.values(ttl).reduce(shorter, dnsbl.minTTL),
    greetWait: { normal: milliseconds(greet.wait), stress: milliseconds(shorter(greet.wait, greet.stressWait)) },
    dnsbl: lists,
    access,
    accessRule: (match) => accessRule(spec.access, match),
    clientAddress: clientAddressRules(spec, access),
    allowlistInterface: interfaceList(spec.allowlist.interfaces),
    allowlistKey: allowlistKeys(spec.allowlist.prefix),
    bans: banRules(spec.bans),
    limits: spec.limits,
    host: hostReplies(hostname, banner, teaser),
    smtp: smtpRules(spec),
    localTime: around.localTime,
  }
}
