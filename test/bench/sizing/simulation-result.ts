// What a simulation gives, as it is stored beside the measured results.

/** A stage of a visit: the use of its servers, and how long visits wait there. */
export interface StageResult {
  readonly stage: 'gateway' | 'dns' | 'valkey' | 'postfix'
  readonly servers: number
  /** The share of their time that they worked; of mail servers, the share of their sessions. */
  readonly utilisation: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

export interface SimulationResult {
  readonly pods: number
  readonly arrived: number
  readonly stages: readonly StageResult[]
  /** The fullest pod at its fullest moment, as a share of the limit. */
  readonly fullest: Readonly<Record<'preQueue' | 'openFiles' | 'conntrack' | 'ports', number>>
  /** Clients that found one of these limits reached, as a share of all. */
  readonly refused: number
  /** The longest that a visit waited for the CPU of a gateway, in seconds. */
  readonly longestWait: number
}
