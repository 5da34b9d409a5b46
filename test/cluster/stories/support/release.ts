// The chart's release that most stories share: operator and Postfix in postscreen-system, installed when it is not there.
import assert from 'node:assert/strict'
import { attempt, eventually, kubectl, run } from './kubectl.ts'
import { chart, helms, image, postfixImage } from './surroundings.ts'

export const system = 'postscreen-system'
const release = 'postscreen'

/** The mail server to which policies of any namespace hand off clean clients. */
export const mailServer = { name: 'postscreen-postfix', namespace: system, port: 10025 } as const

const [repository, tag] = ['repository', 'tag'] as const
/** Image values of a name such as docker.io/library/postscreen:TEST. */
export function imageValues(prefix: string, name: string): readonly string[] {
  const colon = name.lastIndexOf(':')
  const set = (field: string, value: string): string => `--set=${prefix === '' ? '' : `${prefix}.`}image.${field}=${value}`
  return [set(repository, name.slice(0, colon)), set(tag, name.slice(colon + 1)), set('pullPolicy', 'Never')]
}

/** Values with which the chart starts here: images that no registry has, small requests, one operator's worth of processor. */
export const values = (): readonly string[] => [
  ...imageValues('', image()),
  ...imageValues('postfix', postfixImage()),
  '--set=postfix.enabled=true',
  '--set=postfix.domains={example.com}',
  '--set=postfix.persistence.size=100Mi',
  // Gateways look for Postfix every two seconds.
  '--set=postfix.drain.delaySeconds=5',
  '--set=postfix.drain.flushSeconds=2',
  // The operator that leads may be on the node that a story cuts off, and the story waits for what the other one sees.
  '--set=leaderElection.leaseDuration=15s',
]

/** Installs the release, unless it is there. Stories that run at the same time may call it at once: one installs it, the others wait for that. */
export async function installed(): Promise<void> {
  const helm = helms()[0]?.path ?? 'helm'
  if (await isDeployed(helm)) return
  const install = ['install', release, chart(), '-n', system, '--create-namespace', '--wait', '--timeout=300s', ...values()]
  const { code, stdout, stderr } = await attempt(helm, install)
  if (code === 0) return
  assert.match(stderr, /name that is still in use|already exists/, `helm install: ${stderr || stdout}`)
  await eventually('the release that another story installs', () => isDeployed(helm), 300_000)
}

async function isDeployed(helm: string): Promise<boolean> {
  const { code, stdout } = await attempt(helm, ['status', release, '-n', system, '-o', 'json'])
  return code === 0 && JSON.parse(stdout).info.status === 'deployed'
}

/** Changes some values of the release, and waits until that is done. */
export async function upgraded(...more: readonly string[]): Promise<void> {
  const helm = helms()[0]?.path ?? 'helm'
  await run(helm, ['upgrade', release, chart(), '-n', system, '--reuse-values', '--wait', '--timeout=300s', ...more])
}

/** So many Postfixes, all at work; with two each node has one. */
export async function mailServers(replicas: number): Promise<void> {
  await kubectl('scale', `statefulset/${mailServer.name}`, '-n', system, `--replicas=${replicas}`)
  await kubectl('rollout', 'status', `statefulset/${mailServer.name}`, '-n', system, '--timeout=300s')
}

/** Removes the release and what it leaves behind on purpose. */
export async function uninstalled(): Promise<void> {
  const helm = helms()[0]?.path ?? 'helm'
  await attempt(helm, ['uninstall', release, '-n', system, '--wait'])
  await kubectl('delete', 'namespace', system, '--ignore-not-found', '--wait')
  await kubectl('delete', 'crd', 'postscreenpolicies.postscreen.dev', '--ignore-not-found', '--wait')
}
