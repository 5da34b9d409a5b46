// The text of each log record, to the letter as Postfix 3.7's postscreen writes it (respectful_logging = yes).
import { formatLogged as at } from '../../crds/values/endpoint.ts'
import type { LogRecord } from './vocabulary.ts'

/**
 * postscreen's line without its syslog prefix; undefined for events that it does not log. Warnings begin with `warning:
 * `.
 */
export function logText(record: LogRecord): string | undefined {
  const client = at(record.client)
  switch (record.event) {
    case 'CONNECT':
      return `CONNECT from ${client} to ${at(record.server)}`
    case 'CONNECTION REFUSED':
      // Sic: the third has other words in every version.
      return record.why === 'all screening ports busy'
        ? `reject: connect from ${client}: ${record.why}`
        : `NOQUEUE: reject: CONNECT from ${client}: ${record.why}`
    case 'ALLOWLISTED':
    case 'DENYLISTED':
    case 'ALLOWLIST VETO':
    case 'PASS NEW':
    case 'PASS OLD':
    case 'DISCONNECT':
      return `${record.event} ${client}`
    case 'PREGREET':
      return `PREGREET ${record.count} after ${record.after} from ${client}: ${record.data}`
    case 'DNSBL':
      return `DNSBL rank ${record.rank} for ${client}`
    case 'HANGUP':
      return `HANGUP after ${record.after} from ${client} in ${record.stage}`
    case 'BARE NEWLINE':
      return `BARE NEWLINE from ${client} after ${record.command}`
    case 'NON-SMTP COMMAND':
      return `NON-SMTP COMMAND from ${client} after ${record.afterCommand}: ${record.command} ${record.args}`
    case 'COMMAND PIPELINING':
      return `COMMAND PIPELINING from ${client} after ${record.afterCommand}: ${record.data}`
    case 'COMMAND TIME LIMIT':
    case 'COMMAND COUNT LIMIT':
    case 'COMMAND LENGTH LIMIT':
      return `${record.event} from ${client} after ${record.afterCommand}`
    case 'DATA WITHOUT RCPT':
      return `DATA without valid RCPT from ${client}`
    case 'BDAT WITHOUT RCPT':
      return `BDAT without valid RCPT from ${client}`
    case 'RCPT REJECTED':
      return `NOQUEUE: reject: RCPT from ${client}: ${record.reply}; from=<${record.from}>, to=<${record.to}>, proto=${record.proto}, helo=<${record.helo}>`
    case 'EHLO KEYWORDS DISCARDED':
      // Sic: no colon between bracket and port.
      return `[${record.client.address}]${record.client.port}: discarding EHLO keywords: ${record.keywords}`
    case 'COMMAND REPLACED':
      return `${client}: replacing command "${record.command}" with "${record.replacement}"`
    // postscreen has no lines for lost addresses.
    case 'CLIENT ADDRESS LOST':
      return `CLIENT ADDRESS LOST ${client}: mail servers are told ${record.named}`
    case 'CLIENT ADDRESSES':
      return addressesText(record)
    case 'STRESS':
      return `${record.change} STRESS mode with ${record.connections} connections`
    // postscreen has no bans. The second line has the form of its other refusals, for programs that read them.
    case 'BAN':
      return `BAN ${record.network} for ${record.seconds}s because of ${client}`
    case 'BANNED':
      return `NOQUEUE: reject: CONNECT from ${client}: ${record.network} is banned`
    case 'DNSBL ERROR CODE':
    case 'SAME SESSION FAILED':
    case 'AUDIT':
    case 'TESTS':
      return undefined
  }
}

const lossNames = { PrivateAddresses: 'private addresses', OneAddress: 'one address', OneNetwork: 'one network' } as const

function addressesText({ reason, connections, addresses }: Extract<LogRecord, { event: 'CLIENT ADDRESSES' }>): string {
  if (reason === undefined) return `the addresses of clients are preserved again: ${connections} connections were looked at`
  const from = `almost all of ${connections} connections come from ${lossNames[reason]} (most from ${addresses.join(', ')})`
  return `warning: the addresses of clients are lost: ${from}; check externalTrafficPolicy of the Service and the PROXY protocol of the load balancer, or list addresses that are expected in spec.clientAddress.internal`
}
