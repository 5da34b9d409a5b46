// What a client hears when the Postfix to which its session is continued refuses it at each step, is a postscreen, or hides DSN from strangers.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { GatewayProcess } from '../peers/gateway.ts'
import type { Postfix } from '../peers/postfix.ts'
import { unless } from '../peers/require.ts'
import { closed, Player } from '../support/player.ts'
import { portOf, startHoldingPostfix } from './postfix-variants.ts'
import { startSameSessionGateway, untilKeywordsKnown } from './same-session-gateway.ts'

const skip = unless('postfix', 'openssl')

let postfix: Postfix
const gateways = new Map<string, GatewayProcess>()

/** Clients, HELO names and senders that Postfix refuses at once, in words of its own. */
const refusing = {
  smtpd_delay_reject: 'no',
  smtpd_client_restrictions: 'check_client_access inline:{{127.72.1.1 = 554 5.7.1 Host never}, {127.72.1.2 = 450 4.7.1 Host later}}',
  smtpd_helo_restrictions:
    'check_helo_access inline:{{never.test = 550 5.7.1 Name never}, {later.test = 450 4.7.1 Name later}, {bye.test = 421 4.7.0 Name bye}}',
  smtpd_sender_restrictions:
    'check_sender_access inline:{{never@example.net = 550 5.7.1 Sender never}, {later@example.net = 450 4.7.1 Sender later}, {bye@example.net = 421 4.7.0 Sender bye}, {gone@example.net = 521 5.7.1 Sender gone}}',
  message_size_limit: '10000',
}

before(async () => {
  if (skip !== false) return
  postfix = await startHoldingPostfix({
    refusing,
    footer: { ...refusing, smtpd_reject_footer: 'First line\\nSecond line' },
    'hides-dsn': { smtpd_discard_ehlo_keyword_address_maps: 'cidr:{{127.72.2.0/24 silent-discard, dsn}}' },
    'no-tls': { smtpd_tls_security_level: 'none' },
    // Shorter than the probe waits before it concludes that this is a postscreen.
    screened: { postscreen_upstream_proxy_protocol: 'haproxy', postscreen_greet_wait: '1s', postscreen_greet_action: 'enforce' },
  })
  const ports = new Map(['refusing', 'footer', 'hides-dsn', 'no-tls'].map((name) => [name, portOf(postfix, name)]))
  ports.set('screened', postfix.ports.get('screened') ?? 0)
  for (const [name, port] of ports) gateways.set(name, await startSameSessionGateway([port]))
  for (const gateway of gateways.values()) await untilKeywordsKnown(gateway)
})

after(async () => {
  for (const gateway of gateways.values()) await gateway.stop()
  await postfix?.stop()
})

function gatewayOf(name: string): GatewayProcess {
  const gateway = gateways.get(name)
  assert.ok(gateway !== undefined)
  return gateway
}

let clients = 0
const stranger = (): string => `127.73.${clients >> 8}.${++clients & 255}`

/** Plays lines; each waits for its reply. @returns replies, the greeting first */
async function talk(name: string, lines: readonly string[], from = stranger()): Promise<readonly string[]> {
  const player = await Player.connect({ host: '127.0.0.1', port: gatewayOf(name).port, from })
  try {
    const heard = [(await player.replies(1, 60)).join('\n')]
    for (const line of lines) {
      await player.send(`${line}\r\n`)
      heard.push((await player.replies(1, 60)).join('\n'))
    }
    return heard
  } finally {
    await player.close()
  }
}

const hello = 'EHLO client.example.net'
const from = (sender: string): string => `MAIL FROM:<${sender}@example.net>`
const to = 'RCPT TO:<user@example.test>'
const ok = '250 2.1.0 Ok'
const accepted = '250 2.1.5 Ok'

const dialogues: readonly {
  readonly what: string
  readonly client?: string
  readonly lines: readonly string[]
  /** Replies behind the one to the first EHLO. */
  readonly heard: readonly (string | RegExp)[]
}[] = [
  {
    what: 'a greeting that refuses the client is heard at RCPT, and for the rest of the transaction',
    client: '127.72.1.1',
    lines: [hello, from('a'), to, to, 'DATA', 'RSET', from('a'), to],
    heard: [ok, /^554 5\.7\.1 .*Host never/, /^554 .*Host never/, /^554 .*Host never/, '250 2.0.0 Ok', ok, /^554 .*Host never/],
  },
  {
    what: 'the same with a temporary refusal',
    client: '127.72.1.2',
    lines: [hello, from('a'), to, 'QUIT'],
    heard: [ok, /^450 4\.7\.1 .*Host later/, '221 2.0.0 Bye'],
  },
  {
    what: 'a refused EHLO is heard at RCPT, in the words of Postfix',
    lines: ['EHLO never.test', from('a'), to],
    heard: [ok, /^550 5\.7\.1 <never\.test>: Helo command rejected: Name never$/],
  },
  {
    what: 'another EHLO ends the refusal',
    lines: ['EHLO later.test', from('a'), to, hello, from('a'), to],
    heard: [ok, /^450 4\.7\.1 <later\.test>: .*Name later$/, /^250-/, ok, accepted],
  },
  {
    what: 'a 421 to EHLO closes the connection',
    lines: ['EHLO bye.test', from('a'), to, to],
    heard: [ok, /^421 4\.7\.0 .*Name bye$/, closed],
  },
  {
    what: 'a refused MAIL is heard at every RCPT and at DATA, and the next MAIL begins again without RSET',
    lines: [hello, from('later'), to, to, 'DATA', from('never'), to, from('a'), to, 'DATA'],
    heard: [ok, /^450 .*Sender later$/, /^450 .*Sender later$/, /^450 .*Sender later$/, ok, /^550 .*Sender never$/, ok, accepted, /^354 /],
  },
  { what: 'a 421 to MAIL closes the connection', lines: [hello, from('bye'), to, to], heard: [ok, /^421 .*Sender bye$/, closed] },
  { what: 'a 521 to MAIL closes the connection', lines: [hello, from('gone'), to, to], heard: [ok, /^521 .*Sender gone$/, closed] },
  {
    what: 'a refused size is 554, because a 552 to RCPT means something else',
    lines: [hello, `${from('a')} SIZE=20000`, to],
    heard: [ok, /^554 5\.3\.4 Message size exceeds fixed limit$/],
  },
  {
    what: 'a parameter that Postfix does not know is refused in its words',
    lines: [hello, `${from('a')} FOO=bar`, to],
    heard: [ok, /^555 5\.5\.4 Unsupported option: FOO=bar$/],
  },
  {
    what: 'a refused BDAT is skipped with its payload',
    lines: [hello, from('later'), to, 'BDAT 11 LAST\r\nQUIT\r\nQUI', 'NOOP'],
    heard: [ok, /^450 .*Sender later$/, /^450 .*Sender later$/, '250 2.0.0 Ok'],
  },
]

for (const { what, client, lines, heard } of dialogues) {
  test(what, { skip }, async () => {
    const [, , ...replies] = await talk('refusing', lines, client)
    assert.equal(replies.length, heard.length)
    for (const [at, wanted] of heard.entries()) {
      if (typeof wanted === 'string') assert.equal(replies[at], wanted)
      else assert.match(replies[at] ?? '', wanted)
    }
  })
}

test('a refusal of several lines is passed on with all its lines', { skip }, async () => {
  const heard = await talk('footer', [hello, from('never'), to])
  assert.equal(
    heard.at(-1),
    '550-5.7.1 <never@example.net>: Sender address rejected: Sender never\n550-5.7.1 First line\n550 5.7.1 Second line',
  )
})

test('DSN that is hidden from a client is not promised to anyone once the gateway has seen it, and no mail is lost', { skip }, async () => {
  const dialogue = [hello, from('a'), `${to} NOTIFY=FAILURE ORCPT=rfc822;user@example.test`, 'QUIT']
  const [, promised, , refused] = await talk('hides-dsn', dialogue, '127.72.2.1')
  assert.match(promised ?? '', /^250-DSN$/m)
  assert.equal(refused, '451 4.3.5 Server configuration changed, try again later')
  const [, promisedNow, , taken] = await talk('hides-dsn', [hello, from('a'), to, 'QUIT'], '127.72.2.2')
  assert.doesNotMatch(promisedNow ?? '', /DSN/)
  assert.equal(taken, accepted)
})

test('STARTTLS is not promised where Postfix does not offer it', { skip }, async () => {
  const [, promised, starttls] = await talk('no-tls', [hello, 'STARTTLS'])
  assert.doesNotMatch(promised ?? '', /STARTTLS/)
  assert.match(starttls ?? '', /^502 /)
})

test('a refused EHLO does not keep a client from the TLS of Postfix, which refuses it again inside', { skip }, async () => {
  const player = await Player.connect({ host: '127.0.0.1', port: gatewayOf('refusing').port, from: stranger() })
  await player.replies(1, 60)
  await player.send('EHLO never.test\r\n')
  await player.replies(1, 60)
  await player.send('STARTTLS\r\n')
  assert.match((await player.replies(1, 60)).join(), /^220 /)
  assert.deepEqual(await player.tls(), ['<tls ok>'])
  await player.send('EHLO never.test\r\n')
  assert.match((await player.replies(1, 60)).join(), /^550 .*Name never/)
  await player.close()
})

test('a postscreen as mail server works, step by step, and the status warns of it', { skip }, async () => {
  const began = performance.now()
  const heard = await talk('screened', [hello, from('a'), to])
  assert.equal(heard.at(-1), accepted)
  assert.ok(performance.now() - began > 900, 'its greet wait delays the first recipient')
  const pregreet = postfix.log.linesOf('screened/postscreen').filter((line) => line.startsWith('PREGREET'))
  assert.deepEqual(pregreet, [], 'nothing was said before the end of its greeting')
  const status = (await fetch(`${gatewayOf('screened').admin}/status`).then((response) => response.json())) as {
    readonly backends: readonly { readonly addresses: readonly { readonly ehlo?: { readonly warning: string | null } }[] }[]
  }
  assert.match(status.backends[0]?.addresses[0]?.ehlo?.warning ?? '', /^it pauses within its greeting/)
})
