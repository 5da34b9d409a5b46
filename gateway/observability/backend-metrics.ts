// Metrics of mail servers: hand-offs, probes, and the bytes of relays.
import { Counter, Histogram, type Registry } from 'prom-client'
import { secondsBuckets } from './histogram-buckets.ts'

/** Each exists from the start, so that its first event shows as an increase. */
const probeResults = ['proven', 'failed', 'misconfigured', 'local'] as const
export type ProbeResult = (typeof probeResults)[number]

const handOffPoints = ['greeting', 'RCPT', 'STARTTLS'] as const

export interface BackendMetrics {
  readonly connect: Histogram
  readonly replay: Histogram
  readonly handOffs: Counter
  readonly untested: Counter
  readonly errors: Counter
  readonly probes: Counter
  readonly relayBytes: Counter
}

/** The metrics of mail servers. */
export function backendMetrics(registers: Registry[]): BackendMetrics {
  const connect = new Histogram({
    name: 'postscreen_backend_connect_seconds',
    help: 'From the decision to hand off a client to the greeting of a backend.',
    buckets: secondsBuckets,
    registers,
  })
  const counter = (name: string, help: string, label: string): Counter => new Counter({ name, help, labelNames: [label], registers })
  const replay = new Histogram({
    name: 'postscreen_same_session_seconds',
    help: 'From the first recipient or STARTTLS of a client that has passed to the reply of a backend.',
    buckets: secondsBuckets,
    registers,
  })
  const handOffs = counter('postscreen_handoffs_total', 'Clients handed off, by the point of their session.', 'at')
  for (const at of handOffPoints) handOffs.inc({ at }, 0)
  const untested = new Counter({
    name: 'postscreen_untested_handoffs_total',
    help: 'Clients handed off at STARTTLS before their tests after the greeting were finished.',
    registers,
  })
  const errors = counter('postscreen_backend_errors_total', 'Clients that no backend took.', 'reason')
  for (const reason of ['connect', 'send']) errors.inc({ reason }, 0)
  const probes = counter('postscreen_backend_probes_total', 'Probes of backends by their result.', 'result')
  for (const result of probeResults) probes.inc({ result }, 0)
  const relayBytes = counter('postscreen_relay_bytes_total', 'Bytes copied.', 'direction')
  return { connect, replay, handOffs, untested, errors, probes, relayBytes }
}
