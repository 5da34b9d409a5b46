// The catalogue: lists of domain names. Asked about the address of a client, they answer with an error or not at all.
import { type ErrorAnswer, facts, type ListFacts } from './list-facts.ts'

const names = (zone: string, operator: string, sources: readonly string[], errors: readonly ErrorAnswer[] = []): ListFacts =>
  facts('names', { zone, operator, below: true, errors, listedPoints: [], notListedPoints: [], sources })

const dqs = ['https://docs.spamhaus.com (Available Zones)', 'spamhaus/rspamd-dqs: 3.x/rbl.conf']
const dblErrors: readonly ErrorAnswer[] = [{ replies: '127.0.1.255', reason: 'DomainOnlyZone' }]
const refused: readonly ErrorAnswer[] = [{ replies: '127.0.0.1', reason: 'Refused' }]
const sem = ['https://spameatingmonkey.com (List information)']
const rspamd = ['rspamd: conf/modules.d/rbl.conf']
const wraps = ['wraps-team/wraps#115']

export const nameLists: readonly ListFacts[] = [
  ...['dbl.spamhaus.org', 'dbl.spamhaus.net', 'dbl.dq.spamhaus.net', 'dbl.dq.spamhaus.org'].map((zone) =>
    names(zone, 'Spamhaus', dqs, dblErrors),
  ),
  names('zrd.dq.spamhaus.net', 'Spamhaus', dqs, [{ replies: '127.0.2.255', reason: 'DomainOnlyZone' }]),
  names('hbl.dq.spamhaus.net', 'Spamhaus', dqs),
  names('surbl.org', 'SURBL', rspamd, refused),
  names('uribl.com', 'URIBL', ['https://uribl.com/refused.shtml', ...rspamd], refused),
  names('dwl.dnswl.org', 'dnswl.org', ['SpamAssassin: rules/25_dnswl.cf']),
  ...['uribl', 'fresh', 'fresh10', 'fresh15', 'fresh30', 'urired'].map((list) =>
    names(`${list}.spameatingmonkey.net`, 'Spam Eating Monkey', sem),
  ),
  names('dbl.nordspam.com', 'NordSpam', wraps),
  names('rhsbl.zapbl.net', 'ZapBL', wraps),
  names('rhsbl.scientificspam.net', 'Scientific Spam', wraps),
  names('dblack.mail.abusix.zone', 'Abusix', ['https://docs.abusix.com (Production Zones)']),
  names('ebl.msbl.org', 'MSBL', rspamd),
  names('email.rspamd.com', 'Rspamd', rspamd),
  names('uribl.rspamd.com', 'Rspamd', rspamd),
]
