// The outcome of a session: each of them once, and which one counts when several apply.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '../../../gateway/core/outcome-names.ts'
import { type Client, Gateway, rulesOf, type SpecFragment } from '../../support/core-session.ts'

const address = '192.0.2.1'
const deep: SpecFragment = { deepTests: { pipelining: { enabled: true, action: 'Enforce' }, handoff: 'Reconnect' } }
const envelope = ['EHLO x', 'MAIL FROM:<a@b>', 'RCPT TO:<c@d>'] as const
const listed: SpecFragment = { dnsbl: { action: 'Enforce', sites: [{ domain: 'bl.example' }] } }
const passed = '+9999;+9999;+9999;+9999;+9999'

interface Case {
  readonly what: string
  readonly policy?: SpecFragment
  readonly record?: string
  readonly play: (client: Client, gateway: Gateway) => void
  readonly want: Outcome
}

const cases: readonly Case[] = [
  { what: 'silent for the greet wait', play: (client) => client.at(6000).handedOff(), want: 'new' },
  { what: 'remembered', record: passed, play: (client) => client.handedOff(), want: 'known' },
  { what: 'permitted', policy: { access: [{ action: 'Permit', cidrs: [address] }] }, play: (client) => client.handedOff(), want: 'known' },
  { what: 'asked to come back', policy: deep, play: (client) => client.at(6000).says(...envelope, 'QUIT'), want: 'comeBack' },
  {
    what: 'asked to come back, then gone',
    policy: deep,
    play: (client) =>
      client
        .at(6000)
        .says(...envelope)
        .leaves(),
    want: 'comeBack',
  },
  { what: 'gone during the greet wait', play: (client) => client.at(1000).leaves(), want: 'hangup' },
  { what: 'quits without a recipient', policy: deep, play: (client) => client.at(6000).says('EHLO x', 'QUIT'), want: 'hangup' },
  {
    what: 'early',
    policy: { greet: { action: 'Enforce' } },
    play: (client) =>
      client
        .says('EHLO x')
        .at(7000)
        .says(...envelope, 'QUIT'),
    want: 'pregreet',
  },
  { what: 'early, and gone', policy: { greet: { action: 'Drop' } }, play: (client) => client.says('EHLO x').leaves(), want: 'pregreet' },
  {
    what: 'early, which is ignored',
    policy: { greet: { action: 'Ignore' } },
    play: (client) => client.says('EHLO x').at(7000).handedOff(),
    want: 'new',
  },
  {
    what: 'listed',
    policy: listed,
    play: (client) =>
      client
        .listed('bl.example', ['127.0.0.2'])
        .at(7000)
        .says(...envelope)
        .leaves(),
    want: 'dnsbl',
  },
  {
    what: 'early and listed',
    policy: { ...listed, greet: { action: 'Enforce' } },
    play: (client) => client.says('EHLO x').listed('bl.example', ['127.0.0.2']).at(7000).leaves(),
    want: 'pregreet',
  },
  { what: 'pipelining', policy: deep, play: (client) => client.at(6000).sends('EHLO x\r\nNOOP\r\n').leaves(), want: 'deepTests' },
  {
    what: 'rejected, and early',
    policy: { access: [{ action: 'Reject', cidrs: [address] }], denylist: { action: 'Enforce' }, greet: { action: 'Enforce' } },
    play: (client) => client.says('EHLO x').at(7000).leaves(),
    want: 'accessList',
  },
  { what: 'too slow behind the greeting', policy: deep, play: (client) => client.at(6000).says('EHLO x').at(900_000), want: 'limits' },
  { what: 'clean without a mail server', play: (client) => client.at(6000).refused('connect').says('EHLO x'), want: 'noBackend' },
  { what: 'cut short by a shutdown', play: (client) => client.event({ type: 'shutdown' }), want: 'shutdown' },
  {
    what: 'audited and early',
    policy: { mode: 'Audit', greet: { action: 'Drop' } },
    play: (client) => client.says('EHLO x').at(7000).handedOff().leaves(),
    want: 'pregreet',
  },
  { what: 'audited, and clean', policy: { mode: 'Audit' }, play: (client) => client.at(6000).handedOff(), want: 'new' },
]

for (const { what, policy = {}, record, play, want } of cases) {
  test(`a client that is ${what} counts as ${want}`, () => {
    const gateway = new Gateway(rulesOf(policy))
    if (record !== undefined) gateway.remembering(address, record)
    const client = gateway.connect(address)
    play(client, gateway)
    assert.equal(client.session.outcome, want)
  })
}

test('a client of a full gateway counts as limits, and one of a banned network as banned', () => {
  const gateway = new Gateway(rulesOf({ limits: { connectionsPerClient: 1 } }))
  gateway.connect(address)
  assert.equal(gateway.connect(address).session.outcome, 'limits')
  const banning = new Gateway(rulesOf({ bans: {} }))
  banning.screening.bans.add(address, banning.now, banning.now + 60_000)
  assert.equal(banning.connect(address).session.outcome, 'banned')
})
