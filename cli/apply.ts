// `postscreen apply`: applies the policy of a Helm release and waits for it. The hook Job of the chart runs it.
import { milliseconds, parseDuration } from '../crds/values/duration.ts'
import { applyChartPolicy } from '../operator/chart-policy.ts'
import { systemClock } from '../runtime/clock.ts'
import { connectKube } from '../operator/kube/kube-client.ts'
import { describeError } from '../operator/kube/kube-error.ts'
import { readArguments, wrongArguments } from './arguments.ts'
import type { LoadedCommand } from './command.ts'
import { version } from '../runtime/version.ts'

const name = 'postscreen apply'

const help = `Usage: ${name} --config-map NAME [--namespace NAMESPACE] [--wait 3m] [--kubeconfig FILE]

Applies the PostscreenPolicy in the ConfigMap (key policy.yaml) to the cluster and makes the ConfigMap its owner: deleting the ConfigMap
deletes the policy. Then waits until the policy is Ready. The Helm chart runs this command in a hook Job, for the policy in its values.

  --config-map NAME      the ConfigMap with the policy
  --namespace NAMESPACE  the namespace of the ConfigMap and of the policy; default: POD_NAMESPACE from the environment
  --wait 3m              the time limit for the policy to become Ready; 0s: do not wait
  --kubeconfig FILE      default: the service account of the pod, or else KUBECONFIG or ~/.kube/config

Exit codes: 0 if the policy is Ready, 1 if it is refused, stalled or not Ready in time, 2 for wrong arguments.
`

const options = {
  'config-map': { type: 'string' },
  namespace: { type: 'string', default: process.env['POD_NAMESPACE'] ?? '' },
  wait: { type: 'string', default: '3m' },
  kubeconfig: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

/** @returns the exit code */
export async function apply(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options })
  if ('exit' in read) return read.exit
  const { 'config-map': configMap, namespace, wait, kubeconfig } = read.run.values
  if (configMap === undefined || namespace === '') return wrongArguments(name, 'expected --config-map and --namespace')
  const waitTime = parseDuration(wait)
  if (waitTime === undefined) return wrongArguments(name, `--wait ${wait}: must be a time such as 90s or 3m`)
  const say = (line: string): void => console.log(line)
  try {
    const client = connectKube({ kubeconfig, userAgent: `postscreen-chart/${version}` })
    try {
      await applyChartPolicy({ client, clock: systemClock, namespace, configMap, waitMs: milliseconds(waitTime), say })
    } finally {
      await client.close()
    }
    return 0
  } catch (error) {
    console.error(`${name}: ${describeError(error)}`)
    return 1
  }
}

export const applyCommand: LoadedCommand = { run: apply, options, values: { namespace: 'namespace', kubeconfig: 'file' } }
