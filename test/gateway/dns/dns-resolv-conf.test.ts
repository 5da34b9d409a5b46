// /etc/resolv.conf: which lines count, and which are reported as ignored.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseResolvConf } from '../../../gateway/dns/resolv-conf.ts'

const local = [{ address: '127.0.0.1', port: 53 }]
const at = (...addresses: string[]) => addresses.map((address) => ({ address, port: 53 }))

const cases = [
  { what: 'an empty text means 127.0.0.1', text: '', servers: local },
  {
    what: 'the file of a Kubernetes pod',
    text: 'search mail.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n',
    servers: at('10.96.0.10'),
  },
  { what: 'servers keep their order', text: 'nameserver 192.0.2.2\nnameserver 192.0.2.1\n', servers: at('192.0.2.2', '192.0.2.1') },
  { what: 'IPv6, with and without a scope', text: 'nameserver ::1\nnameserver fe80::1%eth0', servers: at('::1', 'fe80::1%eth0') },
  { what: 'tabs, spaces and carriage returns', text: 'nameserver\t \t192.0.2.1  \r\n', servers: at('192.0.2.1') },
  { what: 'comments', text: '# nameserver 192.0.2.1\n; nameserver 192.0.2.2\nnameserver 192.0.2.3 # here\n', servers: at('192.0.2.3') },
  { what: 'timeout and attempts', text: 'options timeout:1 rotate attempts:4', servers: local, timeout: 1000, attempts: 4 },
  { what: 'the last option counts', text: 'options timeout:1\noptions timeout:3', servers: local, timeout: 3000 },
  { what: 'glibc bounds: 30 seconds, 5 rounds', text: 'options timeout:99 attempts:99', servers: local, timeout: 30_000, attempts: 5 },
  {
    what: 'text that is not an address is ignored',
    text: 'nameserver dns.example\nnameserver\nnameserver 192.0.2.1:53',
    servers: local,
    ignored: ['1 not an IP address', '2 not an IP address', '3 not an IP address'],
  },
  {
    what: 'a fourth server is ignored',
    text: ['1', '2', '3', '4'].map((n) => `nameserver 192.0.2.${n}`).join('\n'),
    servers: at('192.0.2.1', '192.0.2.2', '192.0.2.3'),
    ignored: ['4 only the first 3 servers are asked'],
  },
  { what: 'a server twice', text: 'nameserver 192.0.2.1\nnameserver 192.0.2.1', servers: at('192.0.2.1'), ignored: ['2 named before'] },
  {
    what: 'bad option values',
    text: 'options timeout:0\noptions attempts:two\noptions timeout',
    servers: local,
    ignored: ['1 timeout needs a whole number from 1', '2 attempts needs a whole number from 1', '3 timeout needs a whole number from 1'],
  },
  {
    what: 'an unknown keyword',
    text: '  nameserver 192.0.2.1\nport 53',
    servers: local,
    ignored: ['1 unknown keyword', '2 unknown keyword'],
  },
]

for (const { what, text, servers, timeout, attempts, ignored } of cases) {
  test(`resolv.conf: ${what}`, () => {
    const conf = parseResolvConf(text)
    assert.deepEqual(conf.servers, servers)
    assert.equal(conf.queryTimeoutMs, timeout ?? 5000)
    assert.equal(conf.attempts, attempts ?? 2)
    assert.deepEqual(
      conf.ignored.map(({ line, why }) => `${line} ${why}`),
      ignored ?? [],
    )
  })
}
