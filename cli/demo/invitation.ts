// The welcome text of the demo: addresses, commands to try, and what to look for.
import { type Endpoint, formatEndpoint } from '../../crds/values/endpoint.ts'

export interface Places {
  readonly listening: readonly Endpoint[]
  /** ADDR:PORT */
  readonly admin: string
  readonly mail: Endpoint
}

/**
 * The welcome text. `platform` is from Node.js; only Linux lets a client use any address of 127.0.0.0/8 without
 * configuration.
 */
export function invitation(places: Places, platform: string): string {
  const { address: host, port } = places.listening[0] ?? { address: '127.0.0.1', port: 25 }
  const send = `swaks --server ${formatEndpoint({ address: host, port })} --from me@example.net --to you@example.com`
  const zombie = String.raw`printf 'EHLO zombie\r\nMAIL FROM:<x@example.net>\r\nRCPT TO:<you@example.com>\r\nQUIT\r\n'`
  return `
Postscreen for Kubernetes: a demo on this machine (Ctrl-C stops it)

  mail clients ──▶ ${places.listening.map(formatEndpoint).join(' and ')}, the gateway ──▶ ${formatEndpoint(places.mail)}, a mail server that shows each message
  Live page: http://${places.admin}/ in a browser (the numbers: /metrics and /status)
  Policy:   cli/demo/policy.yaml; change it and watch the result here

Try these commands in another terminal, and watch this one:

  A good client. The first visit takes 3 seconds, because it waits for the greeting; the second visit is immediate.
    ${send}

  A zombie that speaks before the greeting: look for PREGREET and the 550 reply.
    ${zombie} | nc -s 127.0.0.13 ${host} ${port}

  A bot that is on a DNS list: look for DNSBL rank 2.
    ${send} --local-interface 127.0.0.66

  A sender that a DNS list recommends (127.0.0.77), a permitted client (127.0.0.88), a rejected client (127.0.0.99).
    ${send} --local-interface 127.0.0.77

  By hand: wait for the line that begins with "220 ", then type EHLO me.
    nc -C -s 127.0.0.14 ${host} ${port}      (or: telnet ${host} ${port})
${platform === 'linux' ? '' : elsewhere}
swaks and nc are packages of most systems (Debian: apt-get install swaks netcat-openbsd).
To read the log, see docs/read-the-log.md. To run a gateway in front of your own Postfix, see docs/run-the-gateway.md.
`
}

/** On macOS and BSD, loopback addresses other than 127.0.0.1 must be configured first. */
const elsewhere = `
  On this system, configure the other addresses of 127.0.0.0/8 first: sudo ifconfig lo0 alias 127.0.0.66
`
