// The fields `prefix.ipv4` and `prefix.ipv6`: how many leading bits of an address make a client or a network.
import { defaultPrefix, shortestPrefix } from '../values/client-prefix.ts'
import { count, type FieldDoc, group } from './field.ts'

/** @param docs what the number of bits means, for each family */
export const clientPrefix = (docs: { readonly ipv4: string; readonly ipv6: string }, doc: FieldDoc) =>
  group(
    {
      ipv4: count(defaultPrefix.ipv4, { min: shortestPrefix.ipv4, max: 32 }, { doc: docs.ipv4, unit: 'bits' }),
      ipv6: count(defaultPrefix.ipv6, { min: shortestPrefix.ipv6, max: 128 }, { doc: docs.ipv6, unit: 'bits' }),
    },
    doc,
  )
