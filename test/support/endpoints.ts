// Endpoints of a test, written as people write them.
import { type Endpoint, parseEndpoint } from '../../crds/values/endpoint.ts'

/** The endpoint of `192.0.2.1:25`, `[2001:db8::1]:25` or `mx.example:25`. */
export function endpoint(text: string): Endpoint {
  const parsed = parseEndpoint(text)
  if (parsed === undefined) throw new TypeError(`${text} is not an endpoint`)
  return parsed
}

export const endpointsOf = (...texts: readonly string[]): readonly Endpoint[] => texts.map(endpoint)
