// Rules across fields, each in two forms: as CEL, so that `kubectl apply` refuses a bad policy, and as code, for files
// that did not pass through an API server. Both see the manifest as it is written. CEL sees defaults before their
// nested fields are filled in, so it tests `has` first.
import { nameListPattern } from '../dns-lists/catalogue.ts'
import { allowlistRules } from './allowlist-rules.ts'
import type { Rule, Written } from './rule.ts'
import { celIsTime, celSeconds, parseDuration } from '../values/duration.ts'
import { isObject } from '../is-object.ts'
import { sendersAtMost } from './access.ts'
import { deepTestsTls, handoff } from './deep-tests.ts'
import { dnsblTTL } from './dnsbl.ts'
import { banTimes } from './bans.ts'
import { greetWait } from './greet.ts'
import { commandTimeLimit } from './smtp.ts'
import { handshakeTimeout } from './tls.ts'
import { valuesAt } from '../values-at.ts'
import { autoscalingDefaults, defaultReplicas } from './gateway.ts'

/**
 * CEL: one time of an object is not longer than another. True if one is missing or not valid: the second has a message
 * of its own.
 */
const celNotLonger = (short: string, long: string): string =>
  [
    `!has(self.${long})`,
    `!has(self.${short})`,
    `!${celIsTime(`self.${short}`)}`,
    `!${celIsTime(`self.${long}`)}`,
    `${celSeconds(`self.${short}`)} <= ${celSeconds(`self.${long}`)}`,
  ].join(' || ')

/** Whether one written time is not longer than another. True if one of them is not valid. */
function notLonger(short: unknown, long: unknown): boolean {
  const [a, b] = [short, long].map((time) => (typeof time === 'string' ? parseDuration(time) : undefined))
  return a === undefined || b === undefined || a <= b
}

const has = (value: Written, field: string): boolean => value[field] !== undefined
const filled = (value: unknown): boolean => value !== undefined && value !== ''
const hasEntries = (value: unknown): boolean => value !== undefined && !(Array.isArray(value) && value.length === 0)

const listen: readonly Rule[] = [
  {
    at: 'spec.listen.proxyProtocol',
    field: 'trustedNetworks',
    cel: "(has(self.mode) && self.mode == 'TrustedNetworks') == (has(self.trustedNetworks) && self.trustedNetworks.size() > 0)",
    message: 'must have at least one network when mode is TrustedNetworks, and must be empty otherwise',
    holds: (value) => (value['mode'] === 'TrustedNetworks') === hasEntries(value['trustedNetworks']),
  },
]

const backend: readonly Rule[] = [
  {
    at: 'spec.backend',
    cel: 'has(self.addresses) != has(self.service)',
    message: 'must have exactly one of addresses and service',
    holds: (value) => has(value, 'addresses') !== has(value, 'service'),
  },
]

const tests: readonly Rule[] = [
  {
    at: 'spec.greet',
    field: 'stressWait',
    cel: celNotLonger('stressWait', 'wait'),
    message: 'must not be longer than wait',
    holds: (value) => notLonger(value['stressWait'], value['wait'] ?? greetWait),
  },
  {
    at: 'spec.dnsbl',
    field: 'minTTL',
    cel: celNotLonger('minTTL', 'maxTTL'),
    message: `must not be longer than maxTTL; the defaults are ${dnsblTTL.min} and ${dnsblTTL.max}`,
    holds: (value) => notLonger(value['minTTL'] ?? dnsblTTL.min, value['maxTTL'] ?? dnsblTTL.max),
  },
  {
    at: 'spec.smtp',
    field: 'stressCommandTimeLimit',
    cel: celNotLonger('stressCommandTimeLimit', 'commandTimeLimit'),
    message: 'must not be longer than commandTimeLimit',
    holds: (value) => notLonger(value['stressCommandTimeLimit'], value['commandTimeLimit'] ?? commandTimeLimit),
  },
  {
    at: 'spec.bans',
    field: 'for',
    // CEL has a keyword `for`; Kubernetes calls the field __for__.
    cel: celNotLonger('__for__', 'max'),
    message: `must not be longer than max; the defaults are ${banTimes.for} and ${banTimes.max}`,
    holds: (value) => notLonger(value['for'] ?? banTimes.for, value['max'] ?? banTimes.max),
  },
]

const countSenders = (entries: unknown): number =>
  (Array.isArray(entries) ? entries : []).reduce<number>((sum, entry) => {
    const spf: unknown = isObject(entry) ? entry['spf'] : undefined
    return sum + (Array.isArray(spf) ? spf.length : 0)
  }, 0)

const access: readonly Rule[] = [
  {
    at: 'spec.access[]',
    cel: 'has(self.action) != has(self.table)',
    message: 'must have exactly one of action and table',
    holds: (value) => has(value, 'action') !== has(value, 'table'),
  },
  {
    at: 'spec.access[]',
    cel: '!has(self.action) || (has(self.cidrs) ? 1 : 0) + (has(self.exceptCIDRs) ? 1 : 0) + (has(self.spf) ? 1 : 0) == 1',
    message: 'must have exactly one of cidrs, exceptCIDRs and spf with its action; for all clients, write cidrs: ["0.0.0.0/0", "::/0"]',
    holds: (value) => !has(value, 'action') || ['cidrs', 'exceptCIDRs', 'spf'].filter((field) => has(value, field)).length === 1,
  },
  {
    at: 'spec.access[]',
    cel: '!has(self.table) || !(has(self.cidrs) || has(self.exceptCIDRs) || has(self.spf))',
    message: 'must not have cidrs, exceptCIDRs or spf together with a table; move the networks to table.rules, or to a separate entry',
    holds: (value) => !has(value, 'table') || !(has(value, 'cidrs') || has(value, 'exceptCIDRs') || has(value, 'spf')),
  },
  {
    at: 'spec.access[]',
    field: 'spf',
    cel: "!has(self.spf) || !has(self.action) || self.action == 'Permit'",
    message:
      'must be in an entry with action: Permit; to reject or test clients of these senders, write their networks (postscreen spf DOMAIN) in cidrs of an entry before it',
    holds: (value) => !has(value, 'spf') || !has(value, 'action') || value['action'] === 'Permit',
  },
  {
    at: 'spec.access[]',
    field: 'refresh',
    cel: '!has(self.refresh) || has(self.spf)',
    message: 'must be in an entry with spf, because it says how often SPF records are read',
    holds: (value) => !has(value, 'refresh') || has(value, 'spf'),
  },
  {
    at: 'spec',
    field: 'access',
    cel: `!has(self.access) || self.access.map(entry, has(entry.spf) ? entry.spf.size() : 0).sum() <= ${sendersAtMost}`,
    message: `must not have more than ${sendersAtMost} domains in all spf lists together; move senders whose networks seldom change to cidrs`,
    holds: ({ access: entries }) => countSenders(entries) <= sendersAtMost,
  },
  {
    at: 'spec.access[].table',
    cel: '(has(self.file) ? 1 : 0) + (has(self.rules) ? 1 : 0) + (has(self.configMap) ? 1 : 0) == 1',
    message: 'must have exactly one of file, rules and configMap',
    holds: (value) => ['file', 'rules', 'configMap'].filter((field) => has(value, field)).length === 1,
  },
]

const nameList = new RegExp(nameListPattern)
/** A text that is too long is a problem of its own, and costs the API server too much here. */
const celMatchesName = (field: string): string => `(${field}.size() <= 253 && ${field}.lowerAscii().matches('${nameListPattern}'))`

const sites: readonly Rule[] = [
  {
    at: 'spec.dnsbl.sites[]',
    cel: '!has(self.keySecret) || !has(self.keyFile)',
    message: 'must have at most one of keySecret and keyFile',
    holds: (value) => !has(value, 'keySecret') || !has(value, 'keyFile'),
  },
  {
    at: 'spec.dnsbl.sites[]',
    field: 'domain',
    cel: `!has(self.domain) || !${celMatchesName('self.domain')}`,
    message: 'must be a list of addresses; this list contains domain names, and answers questions about clients with an error. Remove it',
    holds: ({ domain }) => typeof domain !== 'string' || !nameList.test(domain.toLowerCase()),
  },
]

/** Whether `tls` has a certificate for the gateway. */
const hasCertificate = (tls: Written): boolean => (filled(tls['certFile']) && filled(tls['keyFile'])) || filled(tls['secretName'])

/** Whether a written policy hands off in the same session, and TLS ends at the mail server. */
function passesTlsThrough(spec: Written): boolean {
  const deep = isObject(spec['deepTests']) ? spec['deepTests'] : {}
  return (deep['handoff'] ?? handoff) === 'SameSession' && (deep['tls'] ?? deepTestsTls) === 'PassThrough'
}

const handsOffInSession = ({ deepTests }: Written): boolean =>
  ((isObject(deepTests) ? deepTests['handoff'] : undefined) ?? handoff) === 'SameSession'

/** CEL: a field of deepTests has this value, also where it is not written and this is its default. */
const celDeepTests = (field: 'handoff' | 'tls', value: string, fallback: string): string =>
  fallback === value
    ? `(!has(self.deepTests) || !has(self.deepTests.${field}) || self.deepTests.${field} == '${value}')`
    : `(has(self.deepTests) && has(self.deepTests.${field}) && self.deepTests.${field} == '${value}')`

const celSameSession = celDeepTests('handoff', 'SameSession', handoff)

/** What Postfix accepts of a line at most; it cuts off the rest, and a repeated command must not be cut. */
const postfixLineLimit = 2048

const sameSession: readonly Rule[] = [
  {
    at: 'spec',
    field: 'tls',
    cel: [
      '!has(self.tls)',
      '!has(self.tls.level)',
      "self.tls.level == 'None'",
      "(has(self.tls.certFile) && self.tls.certFile != '' && has(self.tls.keyFile) && self.tls.keyFile != '')",
      "(has(self.tls.secretName) && self.tls.secretName != '')",
      `(${celSameSession} && ${celDeepTests('tls', 'PassThrough', deepTestsTls)})`,
    ].join(' || '),
    message:
      'must have both certFile and keyFile, or secretName, when level is May or Encrypt, unless deepTests.handoff is SameSession and deepTests.tls is PassThrough',
    holds: (spec) => {
      const tls = isObject(spec['tls']) ? spec['tls'] : {}
      return !filled(tls['level']) || tls['level'] === 'None' || hasCertificate(tls) || passesTlsThrough(spec)
    },
  },
  {
    at: 'spec',
    field: 'smtp',
    cel: `!has(self.smtp) || !has(self.smtp.lineLengthLimit) || self.smtp.lineLengthLimit <= ${postfixLineLimit} || !${celSameSession}`,
    message: `must not have a lineLengthLimit over ${postfixLineLimit} when deepTests.handoff is SameSession, because Postfix cuts longer command lines`,
    holds: (spec) => {
      const limit = isObject(spec['smtp']) ? spec['smtp']['lineLengthLimit'] : undefined
      return typeof limit !== 'number' || limit <= postfixLineLimit || !handsOffInSession(spec)
    },
  },
]

const tls: readonly Rule[] = [
  {
    at: 'spec.tls',
    cel: "!has(self.secretName) || self.secretName == '' || !(has(self.certFile) && self.certFile != '' || has(self.keyFile) && self.keyFile != '')",
    message: 'must not have certFile or keyFile together with secretName',
    holds: (value) => !filled(value['secretName']) || !(filled(value['certFile']) || filled(value['keyFile'])),
  },
  {
    at: 'spec.tls',
    field: 'maxVersion',
    // The alphabetical order of the texts is the order of the versions.
    cel: '!has(self.minVersion) || !has(self.maxVersion) || self.minVersion <= self.maxVersion',
    message: 'must not be older than minVersion',
    holds: ({ minVersion, maxVersion }) => typeof minVersion !== 'string' || typeof maxVersion !== 'string' || minVersion <= maxVersion,
  },
  {
    at: 'spec.tls',
    field: 'stressHandshakeTimeout',
    cel: celNotLonger('stressHandshakeTimeout', 'handshakeTimeout'),
    message: 'must not be longer than handshakeTimeout',
    holds: (value) => notLonger(value['stressHandshakeTimeout'], value['handshakeTimeout'] ?? handshakeTimeout),
  },
]

const onEachNode = 'one pod runs on each node that nodeSelector and tolerations allow'

const gateway: readonly Rule[] = [
  {
    at: 'spec.gateway',
    field: 'autoscaling',
    cel: "!has(self.autoscaling) || !has(self.kind) || self.kind != 'DaemonSet'",
    message: `must be omitted when kind is DaemonSet: ${onEachNode}`,
    holds: (value) => !has(value, 'autoscaling') || value['kind'] !== 'DaemonSet',
  },
  {
    at: 'spec.gateway',
    field: 'replicas',
    cel: `!has(self.replicas) || self.replicas == ${defaultReplicas} || !has(self.kind) || self.kind != 'DaemonSet'`,
    message: `must be omitted when kind is DaemonSet: ${onEachNode}`,
    holds: ({ replicas = defaultReplicas, kind }) => replicas === defaultReplicas || kind !== 'DaemonSet',
  },
  {
    at: 'spec.gateway',
    field: 'persistence',
    cel: "!has(self.persistence) || !has(self.kind) || self.kind != 'DaemonSet'",
    message: 'must be omitted when kind is DaemonSet: a pod of a DaemonSet keeps its data on its node (see spec.gateway.patch.daemonSet)',
    holds: (value) => !has(value, 'persistence') || value['kind'] !== 'DaemonSet',
  },
  {
    at: 'spec.gateway',
    field: 'hostPort',
    cel: '!has(self.hostPort) || self.hostPort == 0 || !has(self.hostNetwork) || !self.hostNetwork',
    message: 'must be 0 when hostNetwork is true: the pods then have the ports of listen.addresses on their nodes',
    holds: ({ hostPort = 0, hostNetwork }) => hostPort === 0 || hostNetwork !== true,
  },
  {
    at: 'spec.gateway.autoscaling',
    field: 'minReplicas',
    cel: '!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas',
    message: `must not be more than maxReplicas; the defaults are ${autoscalingDefaults.minReplicas} and ${autoscalingDefaults.maxReplicas}`,
    holds: ({ minReplicas = autoscalingDefaults.minReplicas, maxReplicas = autoscalingDefaults.maxReplicas }) =>
      typeof minReplicas !== 'number' || typeof maxReplicas !== 'number' || minReplicas <= maxReplicas,
  },
  {
    at: 'spec.gateway.autoscaling',
    field: 'targetCPUUtilization',
    cel: '!has(self.targetCPUUtilization) || self.targetCPUUtilization != 0 || has(self.targetActiveSessions) && self.targetActiveSessions != 0',
    message: 'must not be 0 when targetActiveSessions is 0 or not set',
    holds: ({ targetCPUUtilization, targetActiveSessions = autoscalingDefaults.targetActiveSessions }) =>
      targetCPUUtilization !== 0 || targetActiveSessions !== 0,
  },
]

export const rules: readonly Rule[] = [
  ...gateway,
  ...listen,
  ...backend,
  ...tests,
  ...sites,
  ...access,
  ...allowlistRules,
  ...sameSession,
  ...tls,
]

/** Every rule that a manifest breaks, with its path and what is allowed. */
export function* brokenRules(manifest: unknown): Generator<{ readonly path: readonly PropertyKey[]; readonly message: string }> {
  for (const rule of rules) {
    for (const { value, path } of valuesAt(manifest, rule.at.split('.'))) {
      if (isObject(value) && !rule.holds(value))
        yield { path: rule.field === undefined ? path : [...path, rule.field], message: rule.message }
    }
  }
}
