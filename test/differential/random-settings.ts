// Random settings of a postscreen, as main.cf has them, with what a dialogue has to know of them.

import type { Settings } from '../peers/postfix-files.ts'
import type { DialogueProfile } from './dialogue.ts'
import { randomProxyHeader } from './proxy-headers.ts'
import type { Random } from './random.ts'

export interface RandomSettings {
  readonly profile: DialogueProfile
  readonly settings: Settings
}

/** Settings by name; one that is undefined is left at Postfix's default. */
type Draft = Record<string, string | undefined>

/** `name` becomes the profile's policy. */
export function randomSettings(random: Random, name: string): RandomSettings {
  const greetWait = random.chance(0.5)
  const tls = !greetWait && random.chance(0.3)
  const proxied = !tls && random.chance(0.15)
  const lineLengthLimit = random.pick([2048, 2048, 512, 600, 1000])
  const draft: Draft = {
    ...(greetWait ? earlyTests(random) : { postscreen_greet_banner: '' }),
    ...deepTests(random),
    ...access(random),
    ...engine(random),
    ...replies(random),
    line_length_limit: `${lineLengthLimit}`,
    postscreen_tls_security_level: tls ? random.pick(['may', 'encrypt']) : undefined,
    ...(proxied ? { inet_protocols: 'all', postscreen_upstream_proxy_protocol: 'haproxy', postscreen_upstream_proxy_timeout: '2s' } : {}),
  }
  // A client that passes all tests is handed off, and a relayed session with TLS cannot be compared by its bytes.
  if (tls) draft['postscreen_pipelining_enable'] = 'yes'
  const profile = { policy: name, greetWait, tls, remembers: true, lineLengthLimit, networks }
  return { profile: proxied ? { ...profile, opening: randomProxyHeader } : profile, settings: given(draft) }
}

function given(draft: Draft): Settings {
  return Object.fromEntries(Object.entries(draft).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

/** All that lists and tables below tell apart. */
const networks = [
  [4, '127.50'],
  [2, '127.40'],
  [1, '127.41'],
  [1, '127.42'],
  [1, '127.60'],
  [1, '127.61'],
  [1, '127.62'],
] as const

const actions = ['ignore', 'enforce', 'drop', 'Enforce'] as const

function earlyTests(random: Random): Draft {
  const hasLists = random.chance(0.8)
  return {
    // After one second Postfix, which counts whole ones, may greet at once.
    postscreen_greet_wait: random.pick(['2s', '2']),
    postscreen_greet_action: random.pick(actions),
    postscreen_greet_ttl: random.pick([undefined, '2h', '1w']),
    postscreen_greet_banner: random.pick([undefined, undefined, '$myhostname wait', 'one moment, please', '', '$smtpd_banner here']),
    ...(hasLists ? { postscreen_dnsbl_action: random.pick(actions), ...lists(random) } : {}),
  }
}

function lists(random: Random): Draft {
  const count = random.between(1, 4)
  const sites = Array.from({ length: count }, () => {
    // No list that fails: for how long a client is remembered then depends on who answers first, with postscreen as with us.
    const domain = random.pick(['bl1.test', 'bl2.test', 'bl3.test', 'wl.test'])
    const filter = random.pick(['', '', '=127.0.0.2', '=127.0.0.[2..11]', '=127.0.0.[1;3..5]', '=127.0.[0..255].4', '=127.0.0.[0..1;10]'])
    const weight = random.pick(['', '', '*1', '*2', '*3', '*-1', '*-2', '*-3'])
    return `${domain}${filter}${weight}`
  })
  return {
    postscreen_dnsbl_sites: sites.join(random.pick([', ', ' ', ','])),
    postscreen_dnsbl_threshold: random.pick([undefined, '1', '2', '3', '5']),
    [random.pick(['postscreen_dnsbl_allowlist_threshold', 'postscreen_dnsbl_whitelist_threshold'])]: random.pick([
      undefined,
      '0',
      '-1',
      '-2',
      '-4',
    ]),
    postscreen_dnsbl_reply_map: random.pick([
      undefined,
      'texthash:@FOLDER@/dnsbl_reply',
      'inline:{ {bl1.test = some list}, {bl3.test=three.example} }',
      'regexp:{ {/^bl[12]/ hidden.example} }',
      'static:our-lists',
    ]),
    postscreen_dnsbl_min_ttl: random.pick([undefined, '2m', '1h']),
    [random.pick(['postscreen_dnsbl_max_ttl', 'postscreen_dnsbl_ttl'])]: random.pick([undefined, '2h', '5h']),
  }
}

function deepTests(random: Random): Draft {
  const onOff = () => random.pick([undefined, 'no', 'yes', 'yes'])
  const action = () => random.pick([undefined, ...actions])
  const ttl = () => random.pick([undefined, '10d', '3h'])
  return {
    postscreen_pipelining_enable: onOff(),
    postscreen_pipelining_action: action(),
    postscreen_pipelining_ttl: ttl(),
    postscreen_non_smtp_command_enable: onOff(),
    postscreen_non_smtp_command_action: action(),
    postscreen_non_smtp_command_ttl: ttl(),
    postscreen_bare_newline_enable: onOff(),
    postscreen_bare_newline_action: action(),
    postscreen_bare_newline_ttl: ttl(),
  }
}

function access(random: Random): Draft {
  return {
    postscreen_access_list: random.pick([
      undefined,
      'permit_mynetworks, cidr:@FOLDER@/access.cidr',
      'cidr:@FOLDER@/access.cidr permit_mynetworks',
      'cidr:{ {127.60.0.0/16 reject}, {127.61.0.0/16 permit}, {127.50.0.0/17 dunno}, {!127.48.0.0/12 reject} }',
      'cidr:{ {if 127.60.0.0/14}, {127.61.0.0/16 permit}, {0.0.0.0/0 REJECT}, {endif} }, permit_mynetworks',
      'static:dunno, reject',
      'permit',
    ]),
    [random.pick(['postscreen_denylist_action', 'postscreen_blacklist_action'])]: random.pick([undefined, ...actions]),
    [random.pick(['postscreen_allowlist_interfaces', 'postscreen_whitelist_interfaces'])]: random.pick([
      undefined,
      undefined,
      undefined,
      'static:all',
      '!127.0.0.1',
      '127.0.0.1',
      '!127.0.0.1, static:all',
      '127.0.0.0/8',
      '192.0.2.1',
    ]),
  }
}

function engine(random: Random): Draft {
  return {
    [random.pick(['postscreen_helo_required', 'smtpd_helo_required'])]: random.pick([undefined, 'yes', 'no']),
    [random.pick(['postscreen_disable_vrfy_command', 'disable_vrfy_command'])]: random.pick([undefined, 'yes', 'no']),
    [random.pick(['postscreen_discard_ehlo_keywords', 'smtpd_discard_ehlo_keywords'])]: random.pick([
      undefined,
      'chunking, silent-discard',
      'SIZE vrfy,etrn 8bitmime dsn smtputf8 chunking',
      'enhancedstatuscodes',
      'ETRN VRFY',
      'nonsense',
    ]),
    [random.pick(['postscreen_discard_ehlo_keyword_address_maps', 'smtpd_discard_ehlo_keyword_address_maps'])]: random.pick([
      undefined,
      undefined,
      'cidr:{ {127.50.0.0/17 dsn, silent-discard}, {127.60.0.0/15 size vrfy} }',
      'static:dsn',
    ]),
    [random.pick(['postscreen_forbidden_commands', 'smtpd_forbidden_commands'])]: random.pick([
      undefined,
      undefined,
      'GET',
      'CONNECT, GET, POST, EXPN, NOOP',
      '!GET CONNECT get 12345',
      'connect regexp:{{/^[^A-Z]/ Bogus}}',
    ]),
    postscreen_command_filter: random.pick([
      undefined,
      undefined,
      'inline:{ {HELP = NOOP}, {TURN = GET x}, {noop = XYZZY now} }',
      'inline:{ {RSET = NOOP}, {VERB = VRFY magic word} }',
    ]),
    postscreen_command_count_limit: random.pick([undefined, undefined, '3', '6', '12', '30']),
    smtputf8_enable: random.pick([undefined, 'no']),
    ...random.pick([{}, { message_size_limit: '0', mailbox_size_limit: '0' }, { message_size_limit: '5000' }]),
  }
}

function replies(random: Random): Draft {
  return {
    soft_bounce: random.pick([undefined, undefined, 'yes']),
    [random.pick(['postscreen_reject_footer', 'smtpd_reject_footer'])]: random.pick([
      undefined,
      undefined,
      'See $server_name about [$client_address]',
      '\\c. Sorry, ${client_address}',
      'one\\ntwo\\nthree',
      '\\c; $unknown.',
    ]),
    [random.pick(['postscreen_reject_footer_maps', 'smtpd_reject_footer_maps'])]: random.pick([undefined, undefined, 'static:always']),
  }
}
