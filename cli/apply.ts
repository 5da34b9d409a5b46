// `postscreen apply`: what the Helm chart's hook Job runs, to apply the policy of the release and to wait for it.
import { parseDuration } from '../crds/values/duration.ts'
import { applyChartPolicy } from '../operator/chart-policy.ts'
import { systemClock } from '../runtime/clock.ts'
import { connectKube } from '../operator/kube/kube-client.ts'
import { describeError } from '../operator/kube/kube-error.ts'
import { readArguments, wrongArguments } from './arguments.ts'
import { version } from '../runtime/version.ts'

const name = 'postscreen apply'

const help = `Usage: ${name} --config-map NAME [--namespace NAMESPACE] [--wait 3m] [--kubeconfig FILE]

Applies the PostscreenPolicy in the ConfigMap (key policy.yaml) to the cluster, with the ConfigMap as its owner: who deletes the ConfigMap deletes
the policy. Then waits until the policy is Ready. The Helm chart runs it in a hook Job, for the policy of its values.

  --config-map NAME      where the policy is
  --namespace NAMESPACE  of the ConfigMap and of the policy; default: POD_NAMESPACE from the environment
  --wait 3m              how long to wait for Ready; 0s: not at all
  --kubeconfig FILE      default: the pod's service account, else KUBECONFIG or ~/.kube/config

Exits with 0 when the policy is Ready, 1 when it is refused, stalled or not Ready in time, 2 for wrong arguments.
`

/** @returns the exit code */
export async function apply(args: readonly string[]): Promise<number> {
  const options = {
    'config-map': { type: 'string' },
    namespace: { type: 'string', default: process.env['POD_NAMESPACE'] ?? '' },
    wait: { type: 'string', default: '3m' },
    kubeconfig: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  } as const
  const read = readArguments(name, help, { args: [...args], options })
  if ('exit' in read) return read.exit
  const { 'config-map': configMap, namespace, wait, kubeconfig } = read.run.values
  if (configMap === undefined || namespace === '') return wrongArguments(name, 'name a ConfigMap and its namespace')
  const waitSeconds = parseDuration(wait)
  if (waitSeconds === undefined) return wrongArguments(name, `--wait ${wait}: must be a time such as 90s or 3m`)
  const say = (line: string): void => console.log(line)
  try {
    const client = connectKube({ kubeconfig, userAgent: `postscreen-chart/${version}` })
    try {
      await applyChartPolicy({ client, clock: systemClock, namespace, configMap, waitMs: waitSeconds * 1000, say })
    } finally {
      await client.close()
    }
    return 0
  } catch (error) {
    console.error(`${name}: ${describeError(error)}`)
    return 1
  }
}
