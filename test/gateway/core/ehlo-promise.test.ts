// What EHLO promises to a client that may be handed off in its session, and when a backend does not keep it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEhloReply } from '../../../gateway/core/ehlo-keywords-offered.ts'
import { discardSet } from '../../../gateway/core/ehlo.ts'
import { brokenPromise, promiseFrom, promiseReply } from '../../../gateway/core/ehlo-promise.ts'
import { rulesOf, type SpecFragment } from '../../support/core-session.ts'

const offer = (words: string): ReturnType<typeof parseEhloReply> => parseEhloReply(['x', ...words.split(',').filter((word) => word !== '')])

const kept: readonly { promised: string; offered: string; mail?: string; broken: string | undefined }[] = [
  { promised: '', offered: '', broken: undefined },
  { promised: 'DSN', offered: 'DSN', broken: undefined },
  { promised: 'DSN', offered: '', broken: 'DSN' },
  { promised: '', offered: 'DSN', broken: undefined },
  { promised: '8BITMIME', offered: 'SIZE 5', broken: '8BITMIME' },
  { promised: 'SMTPUTF8,CHUNKING', offered: 'SMTPUTF8', broken: 'CHUNKING' },
  { promised: 'STARTTLS,ENHANCEDSTATUSCODES', offered: '', broken: undefined },
  { promised: 'SIZE 100', offered: 'SIZE 10', broken: undefined },
  { promised: 'SIZE 100', offered: 'SIZE 10', mail: 'MAIL FROM:<a> SIZE=10', broken: undefined },
  { promised: 'SIZE 100', offered: 'SIZE 10', mail: 'MAIL FROM:<a> SIZE=11', broken: 'SIZE' },
  { promised: 'SIZE 100', offered: 'SIZE 10', mail: 'mail from:<a> body=7bit size=100\r\n', broken: 'SIZE' },
  { promised: 'SIZE 100', offered: 'SIZE 10', mail: 'MAIL FROM:<a> SIZE=101', broken: undefined },
  { promised: 'SIZE', offered: 'SIZE 10', mail: 'MAIL FROM:<a> SIZE=99999', broken: 'SIZE' },
  { promised: 'SIZE 0', offered: 'SIZE 0', mail: 'MAIL FROM:<a> SIZE=99999', broken: undefined },
  { promised: 'SIZE 100', offered: 'SIZE', mail: 'MAIL FROM:<a> SIZE=99', broken: undefined },
  { promised: 'SIZE 100', offered: '', mail: 'MAIL FROM:<a> SIZE=1', broken: 'SIZE' },
  { promised: 'SIZE 100', offered: '', mail: 'MAIL FROM:<a>', broken: undefined },
  { promised: '', offered: 'SIZE 10', mail: 'MAIL FROM:<a> SIZE=11', broken: undefined },
  { promised: 'SIZE 100', offered: 'SIZE 10', mail: 'MAIL FROM:<a SIZE=50@x>', broken: undefined },
]

for (const { promised, offered, mail = 'MAIL FROM:<a>', broken } of kept) {
  test(`promised ${promised || 'nothing'}, offered ${offered || 'nothing'}, ${mail.trimEnd()}: ${broken ?? 'kept'}`, () => {
    assert.equal(brokenPromise(offer(promised), offer(offered), mail), broken)
  })
}

const promises: readonly { what: string; known: string | undefined; spec?: SpecFragment; discard?: string[]; lines: string }[] = [
  { what: 'what the backends offer, in postscreen order', known: 'CHUNKING,DSN,SIZE 9', lines: 'SIZE 9,ENHANCEDSTATUSCODES,DSN,CHUNKING' },
  {
    what: 'no other keyword',
    known: 'AUTH PLAIN,PIPELINING,XVERP,XCLIENT NAME,REQUIRETLS,LIMITS,BINARYMIME,NEW',
    lines: 'ENHANCEDSTATUSCODES',
  },
  { what: 'SIZE without a number', known: 'SIZE', lines: 'SIZE,ENHANCEDSTATUSCODES' },
  { what: 'not what the policy hides', known: 'DSN,8BITMIME,SIZE 9', discard: ['dsn', 'size', 'enhancedstatuscodes'], lines: '8BITMIME' },
  {
    what: 'SMTPUTF8 only where the policy allows it',
    known: 'SMTPUTF8',
    spec: { smtp: { smtpUTF8: false } },
    lines: 'ENHANCEDSTATUSCODES',
  },
  { what: 'STARTTLS of the backends whatever tls.level is', known: 'STARTTLS', lines: 'STARTTLS,ENHANCEDSTATUSCODES' },
  {
    what: 'STARTTLS of the gateway where TLS ends there',
    known: '',
    spec: { deepTests: { handoff: 'SameSession', tls: 'Terminate' }, tls: { level: 'May', certFile: 'c', keyFile: 'k' } },
    lines: 'STARTTLS,ENHANCEDSTATUSCODES',
  },
  {
    what: 'no STARTTLS of the backends where TLS ends at the gateway',
    known: 'STARTTLS',
    spec: { deepTests: { handoff: 'SameSession', tls: 'Terminate' } },
    lines: 'ENHANCEDSTATUSCODES',
  },
  { what: 'before anything is known', known: undefined, lines: 'SIZE 10240000,ENHANCEDSTATUSCODES,8BITMIME,SMTPUTF8' },
  {
    what: 'STARTTLS before anything is known',
    known: undefined,
    spec: { tls: { level: 'May' } },
    lines: 'SIZE 10240000,STARTTLS,ENHANCEDSTATUSCODES,8BITMIME,SMTPUTF8',
  },
]

for (const { what, known, spec, discard = [], lines } of promises) {
  test(`the promise: ${what}`, () => {
    const rules = rulesOf({ deepTests: { handoff: 'SameSession' }, ...spec }).smtp
    const promise = promiseFrom(known === undefined ? undefined : offer(known), rules, discardSet(discard))
    assert.equal(promiseReply('x', promise).text.split('\n').slice(1).join(','), lines)
  })
}
