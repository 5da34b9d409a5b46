// Which ports a gateway's pod has.
import type { PolicySpec } from '../../crds/policy.schema.ts'

export const adminPort = 2580

const portOf = (address: string): number => Number(/:(\d+)$/.exec(address)?.[1])

/** Ports on which clients are accepted, each once; clients of the Service come to the first. */
export const smtpPorts = ({ listen }: PolicySpec): readonly number[] => [...new Set(listen.addresses.map(portOf))]

/** Ports of the mail servers. */
export const backendPorts = ({ backend }: PolicySpec): readonly number[] =>
  backend.service === undefined ? [...new Set((backend.addresses ?? []).map(portOf))] : [backend.service.port]
