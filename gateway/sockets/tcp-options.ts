// How idle and dead connections are noticed; the same for clients and for mail servers.

/** Times in milliseconds. */
export interface TcpOptions {
  readonly keepAliveIdle: number
  readonly keepAliveInterval: number
  readonly keepAliveProbes: number
  /** A connection whose data stays unacknowledged for this long is closed (TCP_USER_TIMEOUT). */
  readonly userTimeout: number
}

/** A client that is gone is detected within two minutes, whether an acknowledgement is missing or only silence. */
export const tcpOptions: TcpOptions = { keepAliveIdle: 60_000, keepAliveInterval: 10_000, keepAliveProbes: 6, userTimeout: 120_000 }

/** The kernel limits it to net.core.somaxconn, which is 4096 and cannot be changed inside a pod. */
export const backlog = 16_384
