// The dashboard of the chart, as its file has it.
import { readFileSync } from 'node:fs'

export interface Target {
  readonly refId: string
  readonly expr: string
  readonly legendFormat: string
}

export interface Panel {
  readonly id: number
  readonly type: 'row' | 'stat' | 'timeseries' | 'table' | 'heatmap'
  readonly title: string
  readonly description?: string
  readonly targets?: readonly Target[]
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string }; readonly overrides: readonly object[] }
}

export interface Variable {
  readonly name: string
  readonly type: string
  readonly definition?: string
  readonly query: string | { readonly query: string }
  readonly includeAll?: boolean
  readonly allValue?: string
}

export interface Dashboard {
  readonly uid: string
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly Variable[] }
}

export const dashboard = JSON.parse(
  readFileSync(new URL('../../charts/postscreen/files/dashboard.json', import.meta.url), 'utf8'),
) as Dashboard

/** The panels that show something. */
export const shownPanels: readonly Panel[] = dashboard.panels.filter(({ type }) => type !== 'row')
