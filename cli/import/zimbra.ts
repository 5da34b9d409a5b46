// Imports the postscreen of a Zimbra or Carbonio from its attributes: as parameters of a Postfix, under the names of
// the attributes.
import { fields } from '../../crds/schema/fields.ts'
import { closest } from '../../crds/problems.ts'
import { builtInDefaults } from './built-in-defaults.ts'
import { Configuration } from './configuration.ts'
import { Findings } from './findings.ts'
import { notZimbra } from './file-kind.ts'
import { buildPolicy, type ImportOptions, type ImportResult, newSource, refused } from './import-policy.ts'
import type { TableFiles } from './lookup-table.ts'
import type { Setting } from './main-cf.ts'
import {
  fixedByCarbonio,
  fixedByZimbra,
  timeoutInForce,
  withoutEffect,
  withoutEffectInCarbonio,
  type ZimbraAttribute,
  zimbraParameters,
} from './zimbra-attributes.ts'
import { type Attribute, parseZimbraText, type ZimbraText } from './zimbra-text.ts'

export interface ZimbraInput extends ImportOptions {
  /** The output of `zmprov gacf` or `zmprov gs HOST`, or both one after the other: then the server's values count. */
  readonly text: string
  readonly file: string
  readonly files: TableFiles
}

/** The single value of an attribute. DnsblSites has many values, which zmconfigd joins with blanks. */
function valueOf({ name, values }: Attribute, findings: Findings): string {
  if (values.length > 1 && name.toLowerCase() !== 'zimbramtapostscreendnsblsites') {
    findings.note(`${name}: has ${values.length} values, but only one is allowed; the last one is used: ${values.at(-1)}`)
    return values.at(-1) ?? ''
  }
  return values.join(' ')
}

/**
 * The parameters that the attributes of the input set. An attribute without a value counts as not set, because gacf
 * does not print it.
 */
function settingsOf(
  attributes: ZimbraText['attributes'],
  known: readonly ZimbraAttribute[],
  findings: Findings,
): ReadonlyMap<string, Setting> {
  const settings = new Map<string, Setting>()
  for (const { name, parameter } of known) {
    const attribute = attributes.get(name.toLowerCase())
    const value = attribute === undefined ? '' : valueOf(attribute, findings)
    if (attribute !== undefined && value !== '') settings.set(parameter, { value, line: attribute.line })
  }
  return settings
}

/**
 * The attribute of each parameter, also for postscreen's own parameter if the attribute sets the one from which it is
 * inherited.
 */
function attributeNames(known: readonly ZimbraAttribute[]): ReadonlyMap<string, string> {
  const own = fields().flatMap(({ zimbra: [first], postfixNames }): [string, string][] =>
    first === undefined || postfixNames.own === undefined ? [] : [[postfixNames.own, first]],
  )
  const fixed = Object.keys(fixedByZimbra).map((name): [string, string] => [name.replace(/^smtpd_/, 'postscreen_'), 'zmconfigd.cf'])
  return new Map([...fixed, ...own, ...known.map(({ name, parameter }): [string, string] => [parameter, name])])
}

/** The postscreen attributes of the input that do not set parameters. */
function reportOthers(attributes: ZimbraText['attributes'], known: readonly ZimbraAttribute[], findings: Findings): void {
  const timeout = attributes.get(withoutEffect.toLowerCase())?.values.at(-1)
  if (timeout !== undefined && timeout !== timeoutInForce) {
    const what = `Zimbra never passes it to Postfix, so the effective value was ${timeoutInForce}, not ${timeout}`
    findings.leaveOut(withoutEffect, `${what}; to use this value, set spec.dnsbl.timeout`)
  }
  const names = known.map(({ name }) => name)
  for (const { name } of attributes.values()) {
    const familiar = [...names, withoutEffect, withoutEffectInCarbonio].some((one) => one.toLowerCase() === name.toLowerCase())
    if (familiar || !/^(zimbra|carbonio)MtaPostscreen/i.test(name)) continue
    const meant = closest(name, names)
    findings.note(`${name}: unknown attribute${meant === undefined ? '' : `; did you mean ${meant}?`}`)
  }
}

/** gacf prints every attribute that has a default, so if one is missing, the file has probably been shortened. */
function missingNote(names: readonly string[]): string {
  const some = names.slice(0, 3).join(', ')
  return `not in the input; Zimbra's defaults are used: ${names.length > 3 ? `${some} and ${names.length - 3} more` : some}`
}

/**
 * Converts attributes to a policy. What is missing in the input has Zimbra's default. Never throws because of the
 * input.
 */
export function importZimbra(input: ZimbraInput): ImportResult {
  const findings = new Findings()
  const mistake = notZimbra(input.text)
  if (mistake !== undefined) {
    findings.error(`${input.file}: ${mistake}`)
    return refused(findings)
  }
  const { attributes, errors, notes, servers } = parseZimbraText(input.text, input.file)
  for (const error of errors) findings.error(error)
  for (const note of notes) findings.noteOneOfMany(`${input.file}: lines`, note)
  if (servers.length > 1) {
    const cure = `save the output of "zmprov gs HOST" of one server`
    findings.error(`${input.file}: contains the settings of ${servers.length} servers (${servers.slice(0, 5).join(', ')}); ${cure}`)
  }
  const carbonio = /^(dn: .*)?carbonio|\/opt\/zextras\//im.test(input.text)
  const fixed = carbonio ? fixedByCarbonio : fixedByZimbra
  const known = zimbraParameters().filter(({ name }) => !carbonio || name !== withoutEffectInCarbonio)
  const settings = settingsOf(attributes, known, findings)
  if (settings.size === 0) {
    findings.error(`${input.file}: does not contain attributes of Zimbra's MTA; save the output of "zmprov gacf" or "zmprov gs HOST"`)
    return refused(findings)
  }
  const missing = known.filter((one) => one.default !== undefined && one.default !== '' && !settings.has(one.parameter))
  if (missing.length > 0) findings.note(missingNote(missing.map(({ name }) => name)))
  reportOthers(attributes, known, findings)
  if (carbonio && attributes.has(withoutEffectInCarbonio.toLowerCase()))
    findings.leaveOut(withoutEffectInCarbonio, 'Carbonio never passes it to Postfix, so it had no effect; to use it, set spec.dnsbl.maxTTL')
  const defaults = known.flatMap((one): [string, string][] => (one.default === undefined ? [] : [[one.parameter, one.default]]))
  const names = attributeNames(known)
  const configuration = new Configuration(settings, new Map([...builtInDefaults, ...Object.entries(fixed), ...defaults]))
  const source = newSource(input, findings, { configuration, nameFor: (parameter) => names.get(parameter) ?? parameter })
  return buildPolicy(source, input, input.file)
}
