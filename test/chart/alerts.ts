// The alerts of the chart, as its file has them.
import { readFileSync } from 'node:fs'
import { load } from 'js-yaml'

export interface Alert {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: Readonly<Record<string, string>>
}

export interface AlertGroup {
  readonly name: string
  readonly rules: readonly Alert[]
}

export const alertsFile = new URL('../../charts/postscreen/files/alerts.yaml', import.meta.url)

export const alertGroups: readonly AlertGroup[] = (load(readFileSync(alertsFile, 'utf8')) as { readonly groups: readonly AlertGroup[] })
  .groups

export const alerts: readonly Alert[] = alertGroups.flatMap(({ rules }) => rules)
