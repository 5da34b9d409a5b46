// Imports main.cf, or the output of `postconf -n`, as a policy.
import { Configuration } from './configuration.ts'
import { Findings } from './findings.ts'
import { notMainCf, notMasterCf } from './file-kind.ts'
import { buildPolicy, type ImportOptions, type ImportResult, newSource, refused } from './import-policy.ts'
import type { TableFiles } from './lookup-table.ts'
import { parseMainCf } from './main-cf.ts'
import { parseMasterCf, readServices, type Service, takeServiceSettings } from './master-cf.ts'
import { type ServiceChoice, withService } from './service-settings.ts'

export interface PostfixInput extends ImportOptions {
  /** The text of main.cf, or the output of `postconf -n`. */
  readonly text: string
  /** Its name in messages and in the comment at the head of the policy. */
  readonly file: string
  readonly files: TableFiles
  /** master.cf, with its name in messages. */
  readonly masterCf?: { readonly text: string; readonly file: string } | undefined
  /** The service of master.cf to import; if undefined, the only postscreen. */
  readonly service?: string | undefined
}

/**
 * Converts the parameters of postscreen, and those that it inherits from smtpd, to a policy. Never throws because of
 * the input.
 */
export function importPostfix(input: PostfixInput): ImportResult {
  const findings = new Findings()
  const mistake = notMainCf(input.text)
  if (mistake !== undefined) {
    findings.error(`${input.file}: ${mistake}`)
    return refused(findings)
  }
  const main = parseMainCf(input.text, input.file)
  const own = takeServiceSettings(main.settings, input.file)
  const listed = readServices(main.serviceLines, input.file)
  for (const error of [...main.errors, ...own.errors, ...listed.errors]) findings.error(error)
  for (const note of main.notes) findings.note(note)
  if (own.rest.size === 0 && main.errors.length === 0)
    findings.error(`${input.file}: has no parameters; use main.cf, or the output of "postconf -n"`)
  if (own.rest.size === 0) return refused(findings)
  const inInput = [...listed.services, ...own.services]
  const choice = { ...servicesOf(input, inInput, findings), wanted: input.service }
  const { settings, nameFor } = withService(own.rest, choice, findings)
  return buildPolicy(newSource(input, findings, { configuration: new Configuration(settings), nameFor }), input, input.file)
}

/** The services in the input, or else those of master.cf. */
function servicesOf(input: PostfixInput, inInput: readonly Service[], findings: Findings): Omit<ServiceChoice, 'wanted'> {
  const { masterCf, file } = input
  if (masterCf === undefined) {
    if (inInput.length > 0) return { services: inInput, origin: file }
    const cure = 'pass it with --master-cf, or import the output of "postconf -n; postconf -P"'
    findings.note(
      `master.cf is not in the folder of the input: its options of the postscreen service (-o name=value) are not imported; ${cure}`,
    )
    return { services: [], origin: 'master.cf' }
  }
  const mistake = notMasterCf(masterCf.text)
  if (mistake !== undefined) findings.error(`${masterCf.file}: ${mistake}`)
  const { services, errors } = mistake === undefined ? parseMasterCf(masterCf.text, masterCf.file) : { services: [], errors: [] }
  for (const error of errors) findings.error(error)
  return { services, origin: masterCf.file }
}
