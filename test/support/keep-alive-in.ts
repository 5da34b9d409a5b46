// Reads from the kernel when it will send the next keepalive probe of a connection. Linux only.
import { readFileSync } from 'node:fs'

/** @returns seconds; undefined when the connection has no keepalive (proc_net_tcp of the kernel: timer 02) */
export function keepAliveIn(localPort: number, remotePort: number): number | undefined {
  const [local, remote] = [localPort, remotePort].map((port) => port.toString(16).toUpperCase().padStart(4, '0'))
  const line = new RegExp(`:${local} [0-9A-F]+:${remote} [0-9A-F]+ [0-9A-F:]+ 02:([0-9A-F]+)`)
  const ticks = line.exec(readFileSync('/proc/net/tcp', 'utf8'))?.[1]
  return ticks === undefined ? undefined : Number.parseInt(ticks, 16) / 100
}

/** Whether the probe is due a minute after the last byte. */
export const isAMinute = (seconds: number | undefined): boolean => seconds !== undefined && seconds > 50 && seconds <= 60
