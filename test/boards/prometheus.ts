// A real Prometheus, which scrapes local ports every second.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dump } from 'js-yaml'
import { type Child, startChild } from '../peers/child.ts'
import { untilHolds } from '../support/until-holds.ts'

export interface Scraped {
  /** `127.0.0.1:PORT` */
  readonly address: string
  /** The labels that a PodMonitor or ServiceMonitor gives to its series. */
  readonly labels: Readonly<Record<string, string>>
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: number
}

export interface FiringAlert {
  readonly state: 'pending' | 'firing'
  readonly labels: Readonly<Record<string, string>>
}

export class Prometheus {
  readonly #child: Child
  readonly #folder: string
  readonly #url: string

  private constructor(child: Child, folder: string, url: string) {
    this.#child = child
    this.#folder = folder
    this.#url = url
  }

  /**
   * @param rules the text of a file with rules
   * @param data a folder with the data that it has already
   */
  static async start(targets: readonly Scraped[], rules: string, data?: string): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'prometheus-'))
    writeFileSync(join(folder, 'rules.yaml'), rules)
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.yaml'],
      scrape_configs: [
        {
          job_name: 'postscreen',
          honor_labels: true,
          static_configs: targets.map(({ address, labels }) => ({ targets: [address], labels })),
        },
      ],
    }
    writeFileSync(join(folder, 'prometheus.yml'), dump(config))
    const child = startChild('prometheus', [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${data ?? join(folder, 'data')}`,
      '--storage.tsdb.retention.time=100y',
      '--web.listen-address=127.0.0.1:0',
    ])
    const address = (): string | undefined => /"Listening on" address=(\S+)/.exec(child.output())?.[1]
    const isReady = (): boolean => child.output().includes('Server is ready')
    await untilHolds('Prometheus is ready', () => address() !== undefined && isReady(), 120)
    return new Prometheus(child, folder, `http://${address()}`)
  }

  /** What an expression gives now, or at this time in seconds. Rejects with the words of Prometheus if it is not valid. */
  async query(expr: string, time?: number): Promise<readonly Sample[]> {
    const data = (await this.#ask('query', { query: expr, ...(time !== undefined && { time: String(time) }) })) as {
      readonly result: readonly { readonly metric: Sample['metric']; readonly value: readonly [number, string] }[]
    }
    return data.result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }))
  }

  /** The values of each series from `start` to `end`, in seconds. */
  async queryRange(
    expr: string,
    { start, end, step }: { readonly start: number; readonly end: number; readonly step: number },
  ): Promise<readonly { readonly metric: Sample['metric']; readonly values: readonly number[] }[]> {
    const asked = { query: expr, start: String(start), end: String(end), step: String(step) }
    const data = (await this.#ask('query_range', asked)) as {
      readonly result: readonly { readonly metric: Sample['metric']; readonly values: readonly (readonly [number, string])[] }[]
    }
    return data.result.map(({ metric, values }) => ({ metric, values: values.map(([, value]) => Number(value)) }))
  }

  async alerts(): Promise<readonly FiringAlert[]> {
    const { alerts } = (await this.#ask('alerts', {})) as { readonly alerts: readonly FiringAlert[] }
    return alerts
  }

  async stop(): Promise<void> {
    await this.#child.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #ask(what: string, parameters: Readonly<Record<string, string>>): Promise<unknown> {
    const answer = await fetch(`${this.#url}/api/v1/${what}?${new URLSearchParams(parameters).toString()}`)
    const said = (await answer.json()) as { readonly status: string; readonly data: unknown; readonly error?: string }
    if (said.status !== 'success') throw new Error(`${JSON.stringify(parameters)}: ${said.error}`)
    return said.data
  }
}
