// The operator's page with the policies of a scene, and gateways that count: for the browser test and the pictures.
import { OperatorPages, type OperatorPagesParts } from '../../operator/live/operator-pages.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import { minuteMs, minutesKept } from '../../operator/live/hour-report.ts'
import { serveAdmin } from '../../operator/operator-admin.ts'
import { now as sceneTime, pods, policies } from '../cli/cluster/scene.ts'

/** In the order in which a gateway has them. */
export const outcomes = ['known', 'new', 'comeBack', 'noBackend', 'hangup', 'pregreet', 'dnsbl', 'accessList', 'deepTests'] as const

/** Times of the scene, moved to the present. */
const moved = (objects: readonly KubeObject[], by: number): KubeObject[] =>
  JSON.parse(JSON.stringify(objects), (_, value: unknown) =>
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value) ? new Date(Date.parse(value) + by).toISOString() : value,
  ) as KubeObject[]

/** A usual hour with a wave of bots, the same every time. @param gateway a number of its own */
export function usualHour(gateway: number, now: number): object {
  const minutes = Array.from({ length: minutesKept }, (_, i) => {
    const wave = i > 22 && i < 40 ? 1 + Math.sin(((i - 22) / 18) * Math.PI) : 1
    const some = (most: number, k: number): number => Math.round(most * (0.75 + 0.25 * Math.sin(i * (1.3 + k) + gateway * 2)))
    const row = [
      some(14, 1),
      some(5, 2),
      some(2, 3),
      gateway === 2 ? 1 : 0,
      some(7, 4),
      some(17 * wave, 5),
      some(25 * wave, 6),
      some(2, 7),
      1,
    ]
    return i === minutesKept - 1 ? row.map((count) => Math.round(count / 3)) : row
  })
  return { version: gateway === 3 ? '0.1.0' : '0.2.0', outcomes, hour: { lastMinute: Math.floor(now / minuteMs) * minuteMs, minutes } }
}

export interface OperatorScene {
  readonly address: string
  policies: readonly KubeObject[]
  /** Undefined: it stands by. */
  leadsSince: number | undefined
  close(): void
}

/** @param more instead of the parts of the usual scene */
export async function serveOperatorScene(more: Partial<OperatorPagesParts> = {}, port = 0): Promise<OperatorScene> {
  const began = Date.now()
  const placed = moved(pods, began - sceneTime).map((pod, i): KubeObject => {
    const status = pod['status'] as { readonly podIP?: string }
    return { ...pod, status: { ...status, ...(status.podIP !== undefined && { podIP: `10.9.0.${i + 1}` }) } }
  })
  const event = (minutes: number, policy: string, type: 'Normal' | 'Warning', reason: string, note: string) => ({
    ...{ at: began - minutes * minuteMs, policy, type, reason, note },
  })
  const scene = { policies: moved(policies, began - sceneTime), leadsSince: (began - 12 * 86_400_000) as number | undefined }
  const live = new OperatorPages({
    now: Date.now,
    page: async (address, path) =>
      path === '/live/hour'
        ? usualHour(Number(address.split('.').at(-1)), Date.now())
        : {
            address: {
              verdict: { outcome: 'refused', sentence: '203.0.113.9 is refused with "550 5.7.1 Service unavailable": rank 5 of 3.' },
            },
          },
    facts: () => ({
      ...{ version: '0.2.0', identity: 'postscreen-operator-5f6c8-9wq2m', namespaces: [], startedAt: began - 12 * 86_400_000 },
      ...{ leadsSince: scene.leadsSince, lease: 'postscreen-system/postscreen-operator' },
      ...{ heardAt: scene.leadsSince === undefined ? undefined : Date.now() - 2000, waiting: 0, memoryBytes: 92 * 2 ** 20 },
      ...{ passes: { count: 18_422, failed: 0, meanMs: 38 }, changes: 16, requests: { count: 34_560, failed: 0 } },
    }),
    watched: () =>
      scene.leadsSince === undefined
        ? []
        : scene.policies.map((policy) => ({
            policy,
            pods: placed.filter(
              ({ metadata }) =>
                metadata.namespace === policy.metadata.namespace &&
                metadata.labels?.['app.kubernetes.io/instance'] === policy.metadata.name,
            ),
          })),
    events: () => [
      event(1, 'lists/inbound', 'Normal', 'Updated', 'changed Deployment inbound-gateway'),
      event(6, 'shop/mx', 'Warning', 'Unreachable', '2 of 2 gateways reach no mail server of postfix.shop.svc:10025'),
      event(6, 'mail/mx-backup', 'Warning', 'Invalid', 'spec.access[1].table: ConfigMap senders-eu does not exist in namespace mail'),
    ],
    ...more,
  })
  const server = await serveAdmin(
    { address: '127.0.0.1', port },
    { sick: () => undefined, notReady: () => undefined, metrics: async () => ({ type: 'text/plain', text: '' }), live },
  )
  return Object.assign(scene, {
    address: `http://${server.address}`,
    close: () => {
      live.close()
      server.close()
    },
  })
}
