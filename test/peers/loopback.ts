// Ports on which no server listens, and loopback addresses for one test each, so that parallel tests do not collide.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/** `count` different TCP ports that were free on every IPv4 address a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '0.0.0.0')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return ports
}

/**
 * An address in 127.100.0.0/14 on which no server answers DNS. Name servers must be on port 53 (resolv.conf knows no
 * ports), so each instance gets an address of its own instead. Needs the right to bind port 53.
 */
export async function freeNameServerAddress(): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const address = `127.${random(100, 103)}.${random(0, 255)}.${random(1, 254)}`
    try {
      const socket = createSocket('udp4').bind(53, address)
      await once(socket, 'listening')
      await new Promise<void>((done) => socket.close(done))
      return address
    } catch (error) {
      if (attempt >= 9) throw error
    }
  }
}

function random(low: number, high: number): number {
  return low + Math.floor(Math.random() * (high - low + 1))
}
