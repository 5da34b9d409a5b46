// What the demo says when it is up: where things are, what to try, what to look for.
import { parseEndpoint } from '../../crds/values/endpoint.ts'

export interface Places {
  readonly listening: readonly string[]
  readonly admin: string
  readonly mail: string
}

/** The demo's welcome. `platform` is Node's; only Linux lets a client use any address of 127.0.0.0/8 without more ado. */
export function invitation(places: Places, platform: string): string {
  const server = places.listening[0] ?? ''
  const { address: host, port } = parseEndpoint(server) ?? { address: server, port: 25 }
  const send = `swaks --server ${server} --from me@example.net --to you@example.com`
  const zombie = String.raw`printf 'EHLO zombie\r\nMAIL FROM:<x@example.net>\r\nRCPT TO:<you@example.com>\r\nQUIT\r\n'`
  return `
Postscreen for Kubernetes: a demo on this machine (Ctrl-C ends it)

  mail clients ──▶ ${places.listening.join(' and ')}, the gateway ──▶ ${places.mail}, a mail server that shows what it gets
  Numbers:  http://${places.admin}/metrics and http://${places.admin}/status
  Policy:   cli/demo/policy.yaml; change it and look here

Try in another terminal, and watch this one:

  A good client. The first visit takes 3 seconds, for it has to wait for its turn; the second one none.
    ${send}

  A zombie that talks before its turn: look for PREGREET and the 550.
    ${zombie} | nc -s 127.0.0.13 ${host} ${port}

  A bot that is on a DNS list: look for DNSBL rank 2.
    ${send} --local-interface 127.0.0.66

  A sender that a DNS list knows as good (127.0.0.77), a friend (127.0.0.88), an enemy (127.0.0.99).
    ${send} --local-interface 127.0.0.77

  By hand: wait for the line that begins with "220 ", then type EHLO me.
    nc -C -s 127.0.0.14 ${host} ${port}      (or: telnet ${host} ${port})
${platform === 'linux' ? '' : elsewhere}
swaks and nc come with most systems' packages (Debian: apt-get install swaks netcat-openbsd).
What the words mean: docs/read-the-log.md. The gateway in front of your own Postfix: docs/run-the-gateway.md.
`
}

/** Loopback addresses other than 127.0.0.1 have to be made on macOS and BSD. */
const elsewhere = `
  The other addresses of 127.0.0.0/8 have to be made first on this system: sudo ifconfig lo0 alias 127.0.0.66
`
