// Which peers must send a PROXY header.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readNetwork } from '../../../crds/values/network.ts'
import { valueOf } from '../../../crds/values/read.ts'
import { headerRequirement } from '../../../gateway/smtp/proxy-protocol.ts'

const requirements = [
  { mode: 'None' as const, want: { '10.0.0.1': false, '192.0.2.1': false } },
  { mode: 'Required' as const, want: { '10.0.0.1': true, '192.0.2.1': true } },
  { mode: 'TrustedNetworks' as const, want: { '10.0.0.1': true, '2001:db8::5': true, '192.0.2.1': false, '2001:db9::5': false } },
]

for (const { mode, want } of requirements) {
  test(`in mode ${mode} a header must come from the peers that the mode names, and from no others`, () => {
    const required = headerRequirement({ mode, trustedNetworks: ['10.0.0.0/8', '2001:db8::/32'].map((text) => valueOf(readNetwork(text))) })
    for (const [address, answer] of Object.entries(want)) assert.equal(required(address), answer, address)
  })
}
