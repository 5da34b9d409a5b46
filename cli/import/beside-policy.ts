// The objects or files that a policy refers to (certificate, tables, keys of DNS lists), and the commands that create
// them.
import { gzipSync } from 'node:zlib'
import type { Findings } from './findings.ts'
import type { LookupTable, TableFiles } from './lookup-table.ts'
import { Commented } from './policy-yaml.ts'
import { shellQuote } from './shell-words.ts'

/**
 * Where the policy will be used. `kubernetes`: it names Secrets and ConfigMaps. `host`: it names files that must exist.
 * Otherwise: it names files that the user provides.
 */
export type Target = 'kubernetes' | 'host'

export interface BesideOptions {
  readonly target: Target | undefined
  /** metadata.name of the policy, which is the beginning of the names of its objects. */
  readonly name: string
  readonly namespace: string | undefined
  readonly files: TableFiles
  readonly findings: Findings
  /** The command of this import, to which an option can be added; undefined if the input was standard input. */
  readonly ownCommand: string | undefined
}

type NetworksTable = Extract<LookupTable, { is: 'networks' }>

/** A larger table is put into a ConfigMap as gzip; an object can have at most 1 MiB. */
const plainAtMost = 900_000
const packedAtMost = 1_000_000

export class BesidePolicy {
  /** The commands that create the objects and files, in order. */
  readonly commands: string[] = []
  /** Files to copy beside the policy: the name, and the source of the text. */
  readonly copies = new Map<string, string>()
  /** Keys of DNS lists, by the name of their Secret or file. They are printed only with --print-key. */
  readonly keys = new Map<string, string>()
  readonly #options: BesideOptions
  readonly #tables = new Map<string, unknown>()

  constructor(options: BesideOptions) {
    this.#options = options
  }

  #create(words: string): string {
    const { namespace } = this.#options
    return `kubectl ${namespace === undefined ? '' : `-n ${shellQuote(namespace)} `}create ${words}`
  }

  /** The text of a file of the mail host; undefined if it cannot be read here. */
  textOf(path: string): string | undefined {
    const file = this.#options.files.read(path)
    return 'why' in file ? undefined : file.text
  }

  /** spec.tls.secretName, for Kubernetes. */
  tlsSecret({ certFile, keyFile }: { readonly certFile: string; readonly keyFile: string }): string {
    const { name, files, findings } = this.#options
    const [cert, key] = [certFile, keyFile].map((path) => {
      const file = files.read(path)
      if ('why' in file)
        findings.note(
          `${path}: ${file.why}; run the command for the Secret on the host that has the file, or correct the path in the command`,
        )
      return 'why' in file ? path : file.from
    })
    const secret = `${name}-tls`
    this.commands.push(this.#create(`secret tls ${secret} --cert=${shellQuote(cert ?? '')} --key=${shellQuote(key ?? '')}`))
    return secret
  }

  /** A certificate or key on this host; a missing file is reported. */
  hostFile(path: string): string {
    const { files, findings } = this.#options
    const file = files.read(path)
    if ('why' in file) findings.error(`${path}: ${file.why}; copy it to this host, or import with --for kubernetes`)
    else if (file.from !== path) findings.note(`${path}: no such file on this host; the policy uses ${file.from}`)
    return 'why' in file ? path : file.from
  }

  /** The `table` of an access entry whose networks stay in a separate file. */
  table(word: string, table: NetworksTable, parameter: string): Commented {
    const path = table.file?.path ?? ''
    const known = this.#tables.get(path)
    const value = known ?? (this.#options.target === 'kubernetes' ? this.#configMap(table, parameter) : this.#file(table, parameter))
    this.#tables.set(path, value)
    const { target } = this.#options
    const where = target === undefined ? '; copy the file to the folder of the policy' : ''
    return new Commented({ table: value }, { above: [`${word}, ${table.table.rules.length} networks${where}`] })
  }

  #configMap({ file }: NetworksTable, parameter: string): unknown {
    const { files, findings, name } = this.#options
    const read = files.read(file?.path ?? '')
    const bytes = 'text' in read ? Buffer.from(read.text) : Buffer.alloc(0)
    const packed = bytes.length > plainAtMost
    const configMap = `${name}-access${this.#tables.size === 0 ? '' : `-${this.#tables.size + 1}`}`
    const base = (file?.path.split('/').at(-1) ?? 'table').replaceAll(/[^-._A-Za-z0-9]/g, '-').replace(/^\.+/, '')
    const key = packed ? `${base}.gz` : base
    const from = shellQuote(file?.from ?? '')
    if (packed && gzipSync(bytes).length > packedAtMost)
      findings.error(
        `${parameter}: ${file?.path}: too large for a ConfigMap (1 MiB), even when compressed; merge its networks, or use --for host`,
      )
    this.commands.push(
      packed
        ? `gzip -c ${from} | ${this.#create(`configmap ${configMap} --from-file=${key}=/dev/stdin`)}`
        : this.#create(`configmap ${configMap} ${shellQuote(`--from-file=${key}=${file?.from ?? ''}`)}`),
    )
    return { configMap: { name: configMap, key } }
  }

  #file({ file, table }: NetworksTable, parameter: string): unknown {
    const { findings, target } = this.#options
    const path = file?.path ?? ''
    if (target === 'host') return { file: file?.from ?? path }
    const base = this.#nameInFolder(path)
    this.copies.set(base, file?.from ?? path)
    findings.note(
      `${parameter}: ${path} has ${table.rules.length} networks and stays a file; copy it to the folder of the policy as ${base}, or include it in the policy with --tables inline`,
    )
    if (table.problems.length > 0) findings.note(`${parameter}: correct the bad lines in the copy of ${base}`)
    return { file: base }
  }

  /** Two files in one folder cannot have the same name: the second one is named after its whole path. */
  #nameInFolder(path: string): string {
    const base = path.split('/').at(-1) ?? path
    return this.copies.has(base) ? path.replace(/^\/+/, '').replaceAll('/', '-') : base
  }

  /** The field of a site that replaces a key in its domain. */
  key(key: string, domain: string, parameter: string): Record<string, unknown> {
    const { target, name } = this.#options
    const known = [...this.keys].find(([, value]) => value === key)?.[0]
    const start = target === 'kubernetes' ? `${name}-dnsbl-key` : 'dnsbl-key'
    const called = known ?? (this.keys.size === 0 ? start : `${start}-${this.keys.size + 1}`)
    if (known === undefined) {
      this.keys.set(called, key)
      this.#keyCommand(called, domain, parameter)
    }
    return target === 'kubernetes' ? { keySecret: { name: called, key: 'key' } } : { keyFile: called }
  }

  #keyCommand(called: string, domain: string, parameter: string): void {
    const { ownCommand, target, findings } = this.#options
    const what = target === 'kubernetes' ? `the Secret ${called}` : `the file ${called} in the folder of the policy`
    const made = ownCommand === undefined ? 'write the first label of the domain to it' : 'the printed command creates it'
    findings.note(`${parameter}: the key in ${domain} belongs in ${what}, not in the policy: ${made}`)
    if (ownCommand === undefined) return
    const print = `${ownCommand} --print-key ${called}`
    if (target === 'kubernetes') this.commands.push(`${print} | ${this.#create(`secret generic ${called} --from-file=key=/dev/stdin`)}`)
    else this.commands.push(`(umask 077; ${print} > ${called})`)
  }
}
