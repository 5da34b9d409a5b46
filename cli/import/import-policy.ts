// Builds a policy from the parameters of a Postfix: fields in schema order with the names of their sources, and what
// was left out.
import { parseDuration } from '../../crds/values/duration.ts'
import { type Field, fields } from '../../crds/schema/fields.ts'
import { apiVersion, kind } from '../../crds/schema/policy.schema.ts'
import { parsePolicy } from '../../crds/policy.ts'
import { closest } from '../../crds/problems.ts'
import { BesidePolicy, type Target } from './beside-policy.ts'
import { builtInDefaults, machineDependent } from './built-in-defaults.ts'
import { convertField } from './converters.ts'
import { withoutKeys } from './dnsbl-keys.ts'
import type { Findings } from './findings.ts'
import { noteHost } from './host-notes.ts'
import { type AllowedMissing, LookupTables, type TableFiles } from './lookup-table.ts'
import { parametersWithoutField, smtpdHandshake } from './parameters-without-field.ts'
import { Commented, withoutComments, writePolicyYaml } from './policy-yaml.ts'
import type { Source, TableStyle } from './source.ts'
import { levelNames, readTls, tlsNames, tlsParameters } from './tls-settings.ts'

export interface ImportOptions {
  /** metadata.name; default `postscreen`. */
  readonly name?: string | undefined
  readonly namespace?: string | undefined
  /** HOST:PORT of the mail server. If undefined, the policy names a Service `postfix`, which the user must correct. */
  readonly backend?: string | undefined
  /** Tables that are left out with a note if they cannot be read; otherwise this is an error. */
  readonly allowMissingTables?: AllowedMissing | undefined
  /** Long cidr tables. `auto`: tables with more than 1,000 networks stay in files. */
  readonly tables?: TableStyle | undefined
  /** Where the policy will be used. */
  readonly target?: Target | undefined
  /** Keep the addresses of postscreen_allowlist_interfaces. */
  readonly keepInterfaces?: boolean | undefined
  /** The command of this import as it was typed, for the commands that create Secrets. */
  readonly ownCommand?: string | undefined
}

export interface ImportResult {
  /** The policy; undefined if there are errors. */
  readonly yaml: string | undefined
  readonly errors: readonly string[]
  readonly notes: readonly string[]
  /** The commands that create the objects and files that the policy names. */
  readonly commands: readonly string[]
  /** Files to put beside the policy: the name, and the source of the text. */
  readonly copies: ReadonlyMap<string, string>
  /** Keys of DNS lists, by the name of their Secret or file; shown only with --print-key. */
  readonly keys: ReadonlyMap<string, string>
}

/** The result for an input that cannot be used. It never contains a key. */
export const refused = ({ errors, notes }: Findings): ImportResult => ({
  yaml: undefined,
  errors: errors.map((text) => withoutKeys(text, [])),
  notes: notes.map((text) => withoutKeys(text, [])),
  commands: [],
  copies: new Map(),
  keys: new Map(),
})

/** The context of the converters of fields. */
export function newSource(
  input: ImportOptions & { readonly files: TableFiles },
  findings: Findings,
  parts: Pick<Source, 'configuration' | 'nameFor'>,
): Source {
  const { name = 'postscreen', namespace, target, files, ownCommand } = input
  return {
    ...parts,
    findings,
    tables: new LookupTables(files, findings, { allowMissing: input.allowMissingTables ?? [] }),
    tableStyle: input.tables ?? 'auto',
    keepInterfaces: input.keepInterfaces ?? false,
    beside: new BesidePolicy({ target, name, namespace, files, findings, ownCommand }),
  }
}

/** Parameters that are used in many values. A field is not written only because one of these is set. */
const everywhere = new Set(['compatibility_level', 'myhostname', 'mydomain', 'mail_name', 'stress'])

/** Names of the input that affected a field; the decisive one comes first. */
function namesBehind(field: Field, source: Source): readonly string[] {
  const { configuration } = source
  const own = field.postfixNames.own ?? ''
  if (field.path.startsWith('spec.tls.'))
    return tlsNames(field.path, readTls(source).level)
      .filter((name) => configuration.isSet(name))
      .slice(0, 1)
  const evaluation = configuration.evaluate(own)
  const used = 'used' in evaluation ? evaluation.used : []
  return used.filter((name) => name === own || !everywhere.has(name))
}

/** Whether the field's own parameter, or an older name of it, is set in the input. */
const isSetItself = ({ postfixNames: { own, old = [] } }: Field, { configuration }: Source): boolean =>
  [own, ...old].some((name) => name !== undefined && configuration.isSet(name))

/** Whether a value is the default of the policy. */
function isDefault(field: Field, value: unknown): boolean {
  const plain = withoutComments(value)
  if (field.type === 'duration') return typeof field.default === 'string' && parseDuration(String(plain)) === parseDuration(field.default)
  return JSON.stringify(plain) === JSON.stringify(field.default)
}

/** The value of a field, with the names of its sources; undefined if it need not be written. */
function readField(field: Field, source: Source): Commented | undefined {
  const value = convertField(field, source)
  if (value === undefined) return undefined
  const names = namesBehind(field, source)
  const own = field.postfixNames.own ?? ''
  const needless = isDefault(field, value) || (field.computedDefault !== undefined && names.length === 0)
  if (needless && !isSetItself(field, source)) return undefined
  if (field.path !== 'spec.smtp.rejectFooter') noteUnknown(own, source)
  return new Commented(value, { beside: provenance(own, names, source) })
}

/** The source of a value, in the words of the input. */
function provenance(own: string, names: readonly string[], { nameFor }: Source): string {
  if (names.length === 0) return `default of ${nameFor(own)}`
  return names.includes(own) ? nameFor(own) : names.map((name) => nameFor(name)).join(', ')
}

/**
 * Names in a parameter's text that are not set: Postfix expands them to an empty text, or to a value that depends on
 * the mail host.
 */
function noteUnknown(parameter: string, { configuration, findings, nameFor }: Source): void {
  const evaluation = configuration.evaluate(parameter)
  for (const name of 'unknown' in evaluation ? evaluation.unknown : []) {
    if (name === 'myhostname' || name === parameter || name === '') continue // noteHost has them
    const cure = machineDependent.includes(name)
      ? `its value depends on the mail host; add it to the input`
      : 'it expands to an empty text, as in Postfix'
    findings.note(`${nameFor(parameter)}: $${name} is not set: ${cure}`)
  }
  const used = configuration.raw(parameter) ?? ''
  if (/\$[{(]?mail_version\b/.test(used) && !configuration.isSet('mail_version')) {
    findings.note(`${nameFor(parameter)}: $mail_version is not in the input; assumed to be ${builtInDefaults.get('mail_version')}`)
  }
}

type Tree = Record<string, unknown>

/** Sets the value at a path such as `spec.greet.wait`. */
function put(tree: Tree, path: string, value: unknown): void {
  const names = path.split('.')
  const last = names.pop() ?? ''
  let at = tree
  for (const name of names) at = (at[name] ??= {}) as Tree
  at[last] = value
}

/** Removes the value at a path. */
function remove(tree: Tree, path: string): void {
  const names = path.split('.')
  const last = names.pop() ?? ''
  let at = tree
  for (const name of names) at = (at[name] ?? {}) as Tree
  delete at[last]
}

/**
 * Where clients that pass are handed off. No Postfix configuration contains this, because postscreen hands them to
 * smtpd on its own host.
 */
function backend({ backend: address }: ImportOptions): Commented {
  const need = 'The mail servers that receive clean clients; their smtpd needs smtpd_upstream_proxy_protocol = haproxy on this port.'
  if (address !== undefined) return new Commented({ addresses: [address] }, { above: [need] })
  return new Commented(
    { service: { name: 'postfix', port: 10_025 } },
    { above: [`${need} This Service is only an example: correct it, or import with --backend HOST:PORT.`] },
  )
}

/** The value of a field that no parameter has, but that an imported policy must have. */
function withoutParameter({ path }: Field, options: ImportOptions): Commented | undefined {
  if (path === 'spec.backend') return backend(options)
  // Whatever the default of the policy is: a client that passes its deep tests comes again, as before.
  return path === 'spec.deepTests.handoff' ? new Commented('Reconnect', { beside: 'as with postscreen' }) : undefined
}

/** Parameters of the input for which the policy has no field, and names that look like mistakes. */
function reportLeftOut(source: Source): void {
  const { configuration, findings, nameFor } = source
  const known = [...builtInDefaults.keys(), ...parametersWithoutField.keys()].filter((name) => name.startsWith('postscreen_'))
  const tls = readTls(source).level !== 'None'
  for (const name of [...configuration.settings.keys()].toSorted()) {
    const why = parametersWithoutField.get(name) ?? (tls ? smtpdHandshake.get(name) : undefined)
    if (why !== undefined) findings.leaveOut(nameFor(name), why)
    else if (!tls && /^(postscreen|tlsproxy)_(tls|starttls)_/.test(name) && !levelNames.includes(name))
      findings.leaveOut(nameFor(name), 'TLS is off')
    else if (configuration.settings.get(name)?.service !== undefined && !builtInDefaults.has(name) && !machineDependent.includes(name)) {
      if (!isMentioned(name, configuration.settings)) findings.leaveOut(nameFor(name), 'the policy has no such field')
    } else if (
      (name.startsWith('postscreen_') || looksMisspelt(name)) &&
      !known.includes(name) &&
      !tlsParameters.includes(name) &&
      !isMentioned(name, configuration.settings)
    ) {
      const meant = closest(name, known)
      findings.note(`${name}: not a parameter of postscreen${meant === undefined ? '' : `; did you mean ${meant}?`}`)
    }
  }
}

/** A name that is similar to one of postscreen's. Other programs of Postfix have names with `post` too. */
const looksMisspelt = (name: string): boolean =>
  /^po[a-z]*_/.test(name) &&
  !/^post(multi|log|alias|map)/.test(name) &&
  closest(name.slice(0, name.indexOf('_')), ['postscreen']) !== undefined

/** Whether the text of another parameter uses a name: then it is a parameter that the user has defined. */
function isMentioned(name: string, settings: ReadonlyMap<string, { readonly value: string }>): boolean {
  const use = new RegExp(`\\$[{(]?[ \\t]*${name.replaceAll(/[^A-Za-z0-9_]/g, '.')}(?![A-Za-z0-9_])`)
  return [...settings.values()].some(({ value }) => use.test(value))
}

/** Parts of a policy that come from options of the command. */
const partsFromOptions = [
  ['spec.backend', '--backend'],
  ['metadata.namespace', '--namespace'],
  ['metadata.name', '--name'],
] as const

/** The problems that parsePolicy finds in the policy, with the names of the input. */
function reportProblems(manifest: Tree, source: Source): void {
  const parsed = parsePolicy(withoutComments(manifest))
  if (!('problems' in parsed)) return
  const byPath = fields().filter(({ postfixNames }) => postfixNames.own !== undefined)
  for (const { path, why } of parsed.problems) {
    const field = byPath.find((one) => path === one.path || path.startsWith(`${one.path}[`))
    const name = field?.postfixNames.own
    const option = partsFromOptions.find(([start]) => path.startsWith(start))?.[1]
    if (option !== undefined) source.findings.error(`${option}: ${why}`)
    else source.findings.error(name === undefined ? `${path}: ${why}` : `${source.nameFor(name)}: ${path} ${why}`)
  }
}

/** Kubernetes accepts at most 1 MiB, and an object contains more than the policy's text. */
const largestYaml = 1_000_000

/** The policy of a configuration. `origin`, such as `main.cf`, begins the comment at its head. */
export function buildPolicy(source: Source, options: ImportOptions, origin: string): ImportResult {
  const { findings } = source
  const metadata = { name: options.name ?? 'postscreen', ...(options.namespace === undefined ? {} : { namespace: options.namespace }) }
  const manifest: Tree = { apiVersion, kind, metadata, spec: {} }
  for (const field of fields()) {
    const value = withoutParameter(field, options) ?? readField(field, source)
    if (value !== undefined) put(manifest, field.path, value)
  }
  noteHost(source)
  reportLeftOut(source)
  placeTls(manifest, source, options.target)
  source.tables.finish()
  findings.finish()
  reportProblems(manifest, source)
  const write = (): string => writePolicyYaml(manifest, head(origin, source))
  if (findings.errors.length === 0 && write().length >= largestYaml)
    findings.note(
      'the policy is larger than the limit for a ConfigMap or a Kubernetes object (1 MiB); keep long tables in files: --tables auto',
    )
  const { commands, copies, keys } = source.beside
  const hide = (text: string): string => withoutKeys(text, keys.values())
  const yaml = findings.errors.length > 0 ? undefined : write()
  return { yaml, errors: findings.errors.map(hide), notes: findings.notes.map(hide), commands, copies, keys }
}

/** Certificate and key: a Secret of the cluster, or files that are checked. */
function placeTls(manifest: Tree, source: Source, target: ImportOptions['target']): void {
  const tls = readTls(source)
  if (tls.certFile === '') return
  if (target === 'host') {
    for (const field of ['certFile', 'keyFile'] as const) {
      const found = source.beside.hostFile(tls[field])
      if (found !== tls[field]) put(manifest, `spec.tls.${field}`, new Commented(found, { beside: tls[field] }))
    }
  } else if (target === 'kubernetes') {
    for (const field of ['certFile', 'keyFile']) remove(manifest, `spec.tls.${field}`)
    put(manifest, 'spec.tls.secretName', new Commented(source.beside.tlsSecret(tls), { beside: tls.certFile }))
  } else {
    const which = 'or import with --for kubernetes to use a Secret'
    source.findings.note(
      `spec.tls: certFile and keyFile are paths on the mail host; mount the files into the gateway and correct the paths, ${which}`,
    )
  }
}

function head(origin: string, { findings, beside }: Source): readonly string[] {
  const hide = (text: string): string => withoutKeys(text, beside.keys.values())
  const notes = findings.notes.map(hide)
  const leftOut = findings.leftOut.map(({ name, why }) => ({ name, why: hide(why) }))
  return [
    `Generated from ${origin} by "postscreen import". The comment after each value names its source.`,
    ...(notes.length > 0 ? ['Please check:', ...notes.map((note) => `- ${note}`)] : []),
    ...(leftOut.length > 0
      ? ['Omitted, because the policy has no field for it:', ...leftOut.map(({ name, why }) => `- ${name}: ${why}`)]
      : []),
  ]
}
