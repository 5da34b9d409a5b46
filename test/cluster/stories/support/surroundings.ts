// What the stories need to know of the cluster they run in; docs/test-cluster.md says who sets these variables, and how to set them for kind.
import assert from 'node:assert/strict'

function required(name: string): string {
  const value = process.env[name]
  assert.ok(value, `${name} is not set: run the stories with npm run test:cluster, or see docs/test-cluster.md`)
  return value
}

export const image = (): string => required('POSTSCREEN_IMAGE')
export const postfixImage = (): string => required('POSTSCREEN_POSTFIX_IMAGE')
export const valkeyImage = (): string => required('POSTSCREEN_VALKEY_IMAGE')
/** With HAProxy and nginx. */
export const proxiesImage = (): string => required('POSTSCREEN_PROXIES_IMAGE')
/** The packed chart. */
export const chart = (): string => required('POSTSCREEN_CHART')
export const helms = (): readonly { readonly name: string; readonly path: string }[] => [
  { name: 'Helm 4', path: required('POSTSCREEN_HELM4') },
  { name: 'Helm 3', path: required('POSTSCREEN_HELM3') },
]

/** The command that stops and starts parts of the project's own test cluster; undefined on another cluster. */
export const control = (): string | undefined => process.env['POSTSCREEN_CLUSTER_CTL']

/** For `skip`: what only the project's own test cluster can do. In CI that is always there. */
export function unlessOwnCluster(what: string): string | false {
  if (control() !== undefined) return false
  assert.ok((process.env['CI'] ?? '') === '', `CI must have the project's own cluster: ${what}`)
  return `needs the project's own test cluster: ${what}`
}

/** An address that a client can use as its own, where the cluster has many; else undefined, and the machine's own is used. */
export function clientAddress(index: number): string | undefined {
  const prefix = process.env['POSTSCREEN_CLIENT_NETWORK']
  if (prefix === undefined || prefix === '') return undefined
  const [base = ''] = prefix.split('/')
  const [a = 0, b = 0, c = 0] = base.split('.').map(Number)
  return `${a}.${b}.${c + (Math.floor(index / 254) % 256)}.${1 + (index % 254)}`
}
