// How each block of the documents that is not YAML is tested. The test fails for a block that is not listed: say where its commands run, or why they
// cannot.
import type { Block } from './blocks.ts'

export type Treatment =
  /** Its commands run in commands.live.test.ts, on this machine. */
  | { readonly runs: 'here'; readonly needs?: readonly ('postfix' | 'valkey')[] }
  /** Its commands run in stories/docs.cluster.test.ts. */
  | { readonly runs: 'cluster' }
  /** Its commands run elsewhere: `because` says where, or what they need that test machines do not have. */
  | { readonly runs: 'elsewhere'; readonly because: string }
  /** It has no commands: a drawing, a log, an expression, a configuration of another program. */
  | { readonly runs: 'not'; readonly because: string }

const here = (...needs: ('postfix' | 'valkey')[]): Treatment => ({ runs: 'here', needs })
const cluster: Treatment = { runs: 'cluster' }
const elsewhere = (because: string): Treatment => ({ runs: 'elsewhere', because })
const not = (because: string): Treatment => ({ runs: 'not', because })

const docker = elsewhere('needs Docker and a registry; test/cluster/images builds the same Dockerfile without them')
const drawing = not('a drawing')
const simulated = elsewhere('needs the log of a day; test/cli/simulate.test.ts runs it on logs of all forms')
const log = not('lines of a log, which test/sessions compares with a real postscreen')
const promql = not('PromQL; test/docs/pages.test.ts compares its metrics with those that are exported')
const story = (name: string): Treatment => elsewhere(`stories/${name}.cluster.test.ts does the same with more to look at`)
const portOfNodes = story('node-ports')

/** Page, the start of the block's text, and how it is tested. */
export const treatments: readonly (readonly [page: string, start: string, treatment: Treatment])[] = [
  ['README.md', '                 ┌', drawing],
  ['README.md', 'npm ci && npm start', elsewhere('CI runs npm ci; test/docs/demo-picture.live.test.ts runs the demo')],
  ['README.md', 'npm ci && npm test', elsewhere('this test is part of it; CI runs it on a fresh clone')],
  ['README.md', 'docker build', docker],
  ['README.md', 'npm run -s postscreen -- validate', here()],
  ['charts/images/postfix/README.md', 'docker build', docker],
  ['charts/images/postfix/README.md', 'docker run', elsewhere('needs Docker; test/images runs the same image with its limits')],
  ['charts/postscreen/README.md', 'docker build', docker],
  ['charts/postscreen/README.md', 'helm install postscreen charts/postscreen -n postscreen-system', story('first-policy')],
  ['charts/postscreen/README.md', 'helm install postscreen charts/postscreen -n mail', story('install')],
  [
    'charts/postscreen/README.md',
    'helm upgrade postscreen charts/postscreen -n mail --reuse-values --set policy.spec.mode',
    story('install'),
  ],
  [
    'charts/postscreen/README.md',
    'helm upgrade postscreen charts/postscreen -n mail --reuse-values \\',
    elsewhere("needs the Prometheus operator's kinds; test/chart renders these values"),
  ],
  ['docs/bring-your-own-postfix.md', '10025 inet', not('lines of master.cf; the commands in the next block make them')],
  ['docs/bring-your-own-postfix.md', "postconf -M '10025", here('postfix')],
  ['docs/bring-your-own-postfix.md', 'connect from unknown[192.0.2.77]', log],
  ['docs/bring-your-own-postfix.md', '#!/bin/sh', here('postfix')],
  ['docs/choose-the-hand-off.md', 'smtpd_forbid_unauth_pipelining', not('lines of main.cf')],
  ['docs/gitops.md', 'kubectl -n argocd patch', cluster],
  [
    'docs/live-page.md',
    'kubectl -n postscreen-system port-forward',
    elsewhere('test/page/operator-page.live.test.ts opens the page of an operator without a cluster'),
  ],
  [
    'docs/live-page.md',
    'kubectl -n mail port-forward',
    elsewhere('test/page/gateway-page.live.test.ts opens the page of a gateway without a cluster'),
  ],
  ['docs/how-screening-works.md', 'client ─▶ PROXY header?', drawing],
  ['docs/import-from-postfix.md', 'npm run -s postscreen -- import', here()],
  ['docs/import-from-postfix.md', 'postmap -s lmdb:', here('postfix')],
  ['docs/import-from-zimbra.md', 'zmprov gacf', elsewhere('needs a Zimbra')],
  ['docs/import-from-zimbra.md', 'npm run -s postscreen -- import', here()],
  ['docs/install-with-helm.md', 'clients ──25──▶', drawing],
  ['docs/install-with-helm.md', 'docker build', docker],
  [
    'docs/install-with-helm.md',
    'helm install postscreen charts/postscreen -n mail --create-namespace --wait \\\n  --set image.repository=registry.example.com/postscreen \\\n  --set postfix',
    cluster,
  ],
  ['docs/install-with-helm.md', 'NAME   MODE', not('what the command before it prints; the story compares its columns')],
  ['docs/install-with-helm.md', 'swaks --server', cluster],
  [
    'docs/install-with-helm.md',
    'helm install postscreen charts/postscreen -n mail --create-namespace --wait \\\n  --set image.repository=registry.example.com/postscreen \\\n  --set policy',
    story('install'),
  ],
  ['docs/install-with-helm.md', 'kubectl -n mail logs -l', cluster],
  ['docs/install-with-helm.md', 'kubectl -n mail annotate psc', cluster],
  ['docs/install-with-helm.md', 'helm upgrade postscreen', cluster],
  ['docs/install-with-helm.md', 'helm uninstall', cluster],
  ['docs/install-with-manifests.md', 'docker build', docker],
  ['docs/install-with-manifests.md', 'kubectl apply -k charts/manifests', cluster],
  ['docs/install-with-manifests.md', 'kubectl create namespace mail', story('samples')],
  [
    'docs/install-with-manifests.md',
    'kubectl diff -k',
    elsewhere("the overlay is the reader's own; test/chart builds the same base and overlays"),
  ],
  [
    'docs/install-with-manifests.md',
    'kubectl apply -k crds',
    elsewhere('a second operator in one cluster; test/chart builds these manifests, stories/rbac.cluster.test.ts runs a namespaced one'),
  ],
  ['docs/install-with-manifests.md', 'kubectl delete psc', cluster],
  ['docs/install-with-manifests.md', 'kubectl delete namespace', cluster],
  [
    'docs/kubectl-postscreen.md',
    'npm ci && npm link',
    elsewhere('CI runs npm ci; test/cli/cluster runs the plugin by its name, which npm link would put into PATH'),
  ],
  [
    'docs/kubectl-postscreen.md',
    'kubectl krew install',
    elsewhere(
      'a release that does not exist yet; test/release/kubectl-plugin.live.test.ts runs the archive through links as krew makes them',
    ),
  ],
  [
    'docs/kubectl-postscreen.md',
    'mkdir -p ~/.local/share/kubectl-postscreen',
    elsewhere('test/release/kubectl-plugin.live.test.ts unpacks the archive and runs it through a link'),
  ],
  ['docs/kubectl-postscreen.md', 'kubectl postscreen status -A', story('kubectl-postscreen')],
  ['docs/kubectl-postscreen.md', 'kubectl postscreen top', story('kubectl-postscreen')],
  ['docs/kubectl-postscreen.md', 'kubectl postscreen log', story('kubectl-postscreen')],
  ['docs/kubectl-postscreen.md', 'kubectl postscreen report', story('kubectl-postscreen')],
  ['docs/kubectl-postscreen.md', 'kubectl postscreen explain 203.0.113.9', story('kubectl-postscreen')],
  ['docs/kubectl-postscreen.md', 'kubectl postscreen simulate', story('kubectl-postscreen')],
  ['docs/kubectl-postscreen.md', 'kubectl postscreen diff', story('kubectl-postscreen')],
  [
    'docs/kubectl-postscreen.md',
    'mail/mx, generation',
    not('the output of the command, which test/cli/cluster/golden has for both widths'),
  ],
  [
    'docs/kubectl-postscreen.md',
    'kubectl postscreen completion kubectl',
    elsewhere('test/cli/completion.test.ts runs this script, in a folder of its own'),
  ],
  ['docs/keep-the-client-address.md', '# HAProxy', not("HAProxy's configuration; test/differential/proxy-headers.ts has its headers")],
  ['docs/keep-the-client-address.md', '# nginx', not("nginx's configuration")],
  ['docs/keep-the-client-address.md', 'swaks --server', cluster],
  ['docs/keep-the-client-address.md', 'kubectl -n mail logs', cluster],
  ['docs/metrics-and-status.md', '# rejected connections per second', promql],
  ['docs/metrics-and-status.md', 'curl -s 127.0.0.1:2580/status', here()],
  ['docs/operator-metrics.md', '# passes that hang', promql],
  ['docs/policy-in-the-cluster.md', 'kubectl -n mail create secret tls', cluster],
  ['docs/policy-in-the-cluster.md', '# senders.cidr', not('the file of the next command; the story writes it')],
  ['docs/policy-in-the-cluster.md', 'kubectl -n mail create configmap', cluster],
  ['docs/policy-in-the-cluster.md', 'kubectl apply ─▶', drawing],
  ['docs/policy-in-the-cluster.md', '# policies that', promql],
  ['docs/postfix-of-the-chart.md', 'helm install', story('install')],
  ['docs/postfix-of-the-chart.md', 'kubectl -n mail create secret generic relay', cluster],
  ['docs/read-the-log.md', '{"level"', log],
  ['docs/read-the-log.md', 'Nov 23', log],
  ['docs/read-the-log.md', 'CONNECT from [192.0.2.10]', log],
  ['docs/read-the-log.md', 'CONNECT from [192.0.2.66]', log],
  ['docs/releases.md', 'cosign verify-blob', story('release')],
  ['docs/releases.md', 'cosign verify --key', story('release')],
  ['docs/releases.md', 'cosign generate-key-pair', elsewhere('test/cluster/release makes such keys and runs release/run with them')],
  ['docs/reliability.md', 'sum by (pod)', promql],
  ['docs/reliability.md', 'max(sum by (pod)', promql],
  [
    'docs/reliability.md',
    "kubectl get --raw '/apis/custom",
    elsewhere('needs prometheus-adapter; stories/autoscaling has a stand-in for it'),
  ],
  ['docs/run-the-gateway.md', 'clients ──25──▶', drawing],
  ['docs/run-the-gateway.md', '10025 inet', not('lines of master.cf; docs/bring-your-own-postfix.md has the commands')],
  ['docs/run-the-gateway.md', 'npm run -s postscreen -- validate', here()],
  ['docs/run-the-gateway.md', 'npm run -s postscreen -- gateway --policy mx.yaml --listen', here()],
  ['docs/run-the-gateway.md', 'docker build', docker],
  ['docs/run-the-gateway.md', 'npm run -s postscreen -- gateway --policy mx.yaml --workers', here()],
  ['docs/shared-allowlist.md', 'warning: valkey:', log],
  ['docs/shared-allowlist.md', 'npm run -s postscreen -- allowlist list', here('valkey')],
  ['docs/shared-allowlist.md', 'postmap -s lmdb:', here('postfix', 'valkey')],
  ['docs/test-cluster.md', 'npm run cluster', elsewhere('the stories themselves run in such a cluster')],
  ['docs/test-cluster.md', 'npm run test:cluster', elsewhere('the stories themselves run by it')],
  ['docs/test-cluster.md', 'kind create', elsewhere('needs kind and Docker')],
  [
    'docs/test-likeness.md',
    'npx node test/differential/run.ts',
    elsewhere('test/differential/differential.live.test.ts runs the same with fewer dialogues'),
  ],
  [
    'docs/test-likeness.md',
    'npx node test/same-session/run-differential.ts',
    elsewhere('the live tests of test/same-session run the same with fewer dialogues, runs and messages'),
  ],
  [
    'docs/ban-repeat-offenders.md',
    'npm run -s postscreen -- bans list',
    elsewhere('needs a gateway with bans; test/gateway/bans/shared-bans.live.test.ts asks one'),
  ],
  [
    'docs/ban-repeat-offenders.md',
    'kubectl exec POD -- postscreen bans list',
    elsewhere('test/gateway/bans/shared-bans.live.test.ts runs the same commands beside a gateway'),
  ],
  [
    'docs/all-clients-have-one-address.md',
    'kubectl -n mail get postscreen mx -o jsonpath',
    elsewhere('test/operator/status/client-addresses.test.ts compares the messages of the condition'),
  ],
  [
    'docs/when-a-dns-list-goes-bad.md',
    'kubectl -n mail get postscreen mx -o jsonpath',
    elsewhere('test/operator/status/dns-lists.test.ts compares the messages of the condition'),
  ],
  [
    'docs/when-a-dns-list-goes-bad.md',
    'npm run -s postscreen -- lists check',
    elsewhere('asks the DNS lists of the internet; test/cli/lists.live.test.ts asks an rbldnsd'),
  ],
  ['docs/without-a-load-balancer.md', 'kubectl create namespace mail', portOfNodes],
  ['docs/without-a-load-balancer.md', 'kubectl -n mail get psc mx -o jsonpath', portOfNodes],
  [
    'docs/let-big-senders-through.md',
    'npm run -s postscreen -- spf',
    elsewhere('asks the DNS of the internet; test/cli/spf.live.test.ts asks a DNS server of its own'),
  ],
  [
    'docs/let-big-senders-through.md',
    'example.com: permits',
    not('what the command before it prints; test/cli/spf.live.test.ts compares the form'),
  ],
  ['docs/try-a-stricter-policy.md', 'kubectl -n mail logs', simulated],
  ['docs/try-a-stricter-policy.md', 'npm run', simulated],
  [
    'docs/try-a-stricter-policy.md',
    '3000 sessions from',
    not('the output of the command before it; test/cli/simulate.test.ts compares its lines'),
  ],
  ['docs/why-was-a-sender-refused.md', 'npm run -s postscreen -- explain', here()],
  [
    'docs/why-was-a-sender-refused.md',
    '203.0.113.9 is refused',
    not('the output of the command before it; test/cli/explain.live.test.ts compares its lines'),
  ],
  ['docs/why-was-a-sender-refused.md', 'kubectl -n postscreen-system exec', story('explain')],
]

/** The blocks of a page about an alert, by their language. */
const onAlertPage: Readonly<Record<string, readonly Treatment[]>> = {
  sh: [cluster],
  promql: [not('PromQL; test/boards asks a real Prometheus each query')],
}

/** The treatments of a block; there should be exactly one. The longest start counts. */
export function treatmentsOf({ page, language, text }: Block): readonly Treatment[] {
  if (page.startsWith('docs/alerts/')) return onAlertPage[language] ?? []
  const fitting = treatments.filter(([where, start]) => where === page && text.startsWith(start))
  const longest = Math.max(...fitting.map(([, start]) => start.length))
  return fitting.filter(([, start]) => start.length === longest).map(([, , treatment]) => treatment)
}
