// Story: the commands of the documents are typed, block by block, in the order of the pages. Only the images and the
// balancer's address are those of this cluster.
// Runs alone: it installs and removes the release.
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Block, blocks, root } from '../../docs/blocks.ts'
import { treatmentsOf } from '../../docs/classification.ts'
import { kubectl, namespace, type Outcome, attempt, run } from './support/kubectl.ts'
import { balancerAddress } from './support/policies.ts'
import { uninstalled, values } from './support/release.ts'
import { helms, image } from './support/surroundings.ts'

const home = 'mail'
const desk = mkdtempSync(join(tmpdir(), 'docs-story-'))
const mine = blocks.filter((block) => treatmentsOf(block)[0]?.runs === 'cluster')

/** Uninstalling comes last on its page, and what is shown on other pages before it. */
const isEnd = ({ page, text }: Block): boolean =>
  text.startsWith('helm upgrade') || text.startsWith('helm uninstall') || page === 'docs/install-with-manifests.md'
const isStart = ({ text }: Block): boolean => text.startsWith('helm install')
const ordered = [...mine.filter(isStart), ...mine.filter((block) => !isStart(block) && !isEnd(block)), ...mine.filter(isEnd)]

/** A shell in which helm uses this cluster's images, and following a log ends. */
const prelude = `
  helm() { case $1 in install|upgrade) command "$HELM" "$@" $VALUES ;; *) command "$HELM" "$@" ;; esac; }
  kubectl() { case " $* " in *" logs -f "*) timeout 10 kubectl "$@" || [ $? = 124 ] ;; *) command kubectl "$@" ;; esac; }
`

async function type(text: string): Promise<Outcome> {
  const address = /swaks/.test(text) ? await balancerAddress(home, 'mx') : ''
  const commands = text.replaceAll('203.0.113.25', address).replaceAll('--server mx.example.com', `--server ${address}`)
  const given = [...values(), '--set=policy.spec.gateway.replicas=1', '--set=policy.spec.gateway.drain.delay=0s'].join(' ')
  const script = `cd '${desk}'; HELM='${helms()[0]?.path ?? 'helm'}'; VALUES='${given}'; ${prelude}\n${commands}`
  return attempt('bash', ['-euo', 'pipefail', '-c', script])
}

before(async () => {
  await uninstalled()
  await kubectl('delete', 'namespace', home, '--ignore-not-found', '--wait')
  for (const name of readdirSync(root)) if (!name.startsWith('.') && name !== 'charts') symlinkSync(join(root, name), join(desk, name))
  cpSync(join(root, 'charts'), join(desk, 'charts'), { recursive: true })
  const manifest = join(desk, 'charts/manifests/install.yaml')
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replaceAll(/ghcr\.io\/\S*postscreen:[0-9.]+/g, image()))
  writeFileSync(join(desk, 'senders.cidr'), blocks.find(({ text }) => text.startsWith('# senders.cidr'))?.text ?? '')
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    '/CN=mx',
    '-days',
    '9',
    '-keyout',
    join(desk, 'mx.key'),
    '-out',
    join(desk, 'mx.crt'),
  ])
  await namespace('argocd')
  await kubectl('-n', 'argocd', 'create', 'configmap', 'argocd-cm')
})

after(async () => {
  rmSync(desk, { recursive: true, force: true })
  await uninstalled()
  await kubectl('delete', 'namespace', home, 'argocd', '--ignore-not-found', '--wait=false')
})

/** What the commands of a block print or leave behind, besides ending well. */
const shown: Readonly<Record<string, (said: string) => void | Promise<void>>> = {
  'helm install': (said) => {
    const table = blocks.find(({ page, text }) => page === 'docs/install-with-helm.md' && text.startsWith('NAME   MODE'))?.text ?? ''
    const columns = (text: string): readonly string[] => (text.split('\n').find((line) => line.startsWith('NAME ')) ?? '').split(/\s+/)
    assert.deepEqual(columns(said.slice(said.lastIndexOf('NAME '))), columns(table))
    assert.match(said, /^mx +Audit +True +Ready/m)
  },
  'swaks --server 203': (said) => assert.match(said, /\[pod\/mx-gateway-/),
  'kubectl -n argocd patch': async () =>
    assert.match(
      await kubectl('-n', 'argocd', 'get', 'configmap', 'argocd-cm', '-o', 'yaml'),
      /resource\.customizations\.health\.postscreen\.dev_PostscreenPolicy/,
    ),
}

/** What was there before, for a reader who takes the other one of two ways. */
const beforehand: Readonly<Record<string, () => Promise<unknown>>> = {
  'kubectl delete namespace postscreen-system': () => type('kubectl apply -k charts/manifests'),
}

for (const block of ordered) {
  const { page, line, text } = block
  test(`${page}, line ${line}: ${text.split('\n')[0]}`, async () => {
    for (const [start, prepare] of Object.entries(beforehand)) if (text.startsWith(start)) await prepare()
    const { code, stdout, stderr } = await type(text)
    assert.equal(code, 0, `${text}\n${stderr}${stdout}`)
    for (const [start, check] of Object.entries(shown)) if (text.startsWith(start)) await check(stdout)
  })
}
