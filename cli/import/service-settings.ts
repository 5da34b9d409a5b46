// Selects the service of master.cf to import, and applies its options to the parameters of main.cf.
import type { Findings } from './findings.ts'
import type { Setting } from './main-cf.ts'
import type { Service } from './master-cf.ts'

export interface ServiceChoice {
  readonly services: readonly Service[]
  /** `smtp`, `10025` or `smtp/inet`; if undefined, the only postscreen. */
  readonly wanted: string | undefined
  /** The source of the services, for messages. */
  readonly origin: string
}

/** The parameters after the options of the service are applied, and the service's name before each of these. */
export interface ServiceSettings {
  readonly settings: ReadonlyMap<string, Setting>
  nameFor(parameter: string): string
}

const names = (services: readonly Service[]): string => services.map(({ id }) => id).join(', ')

/**
 * The services that run postscreen. If the input has only overrides (`postconf -P`): those that override a parameter of
 * postscreen, and port 25.
 */
function screens({ services }: ServiceChoice): readonly Service[] {
  if (services.some(({ program }) => program !== undefined)) return services.filter(({ program }) => program === 'postscreen')
  const own = services.filter(({ overrides }) => [...overrides.keys()].some((name) => name.startsWith('postscreen_')))
  return own.length > 0 ? own : services.filter(({ id }) => /^(.*:)?(smtp|25)\/inet$/.test(id))
}

const sameOverrides = (services: readonly Service[]): boolean =>
  new Set(
    services.map(({ overrides }) =>
      [...overrides]
        .map((pair) => pair.join('='))
        .toSorted()
        .join('\n'),
    ),
  ).size <= 1

function choose(choice: ServiceChoice, findings: Findings): Service | undefined {
  const { services, wanted, origin } = choice
  const found = screens(choice)
  if (wanted !== undefined) {
    const service = services.find(({ id }) => id === wanted || id === `${wanted}/inet`)
    if (service === undefined) {
      findings.error(`--service ${wanted}: ${origin} has no such service; expected one of ${names(found) || names(services) || 'none'}`)
    } else if (service.program !== undefined && service.program !== 'postscreen') {
      findings.error(`--service ${wanted}: runs ${service.program}, not postscreen; expected one of ${names(found) || 'none'}`)
    }
    return service
  }
  if (found.length > 1 && !sameOverrides(found)) {
    findings.error(`${origin}: several services run postscreen with different options: choose one with --service: ${names(found)}`)
    return undefined
  }
  if (found.length === 0 && services.length > 0) {
    findings.note(`${origin}: no service runs postscreen, so only the parameters of main.cf are imported`)
  }
  return found[0]
}

/** Settings that the tlsproxy process reads itself; on the postscreen service they have no effect. */
const ofTlsproxy = (name: string): boolean => /^(tlsproxy_|smtpd_tls_)/.test(name) && name !== 'smtpd_tls_security_level'

/** The port of postscreen does not become a field, so the user must take care of it. */
function notePort({ id }: Service, findings: Findings): void {
  const [, port = ''] = /^(?:.*:)?([^:/]+)\/inet$/.exec(id) ?? []
  if (port === '' || port === 'smtp' || port === '25') return
  findings.note(`${id}: this postscreen listens on port ${port}; the gateway listens on spec.listen.addresses (port 25 outside Kubernetes)`)
}

/** Options of the smtpd behind postscreen belong to the mail server, not to the gateway. */
function noteMailServer(services: readonly Service[], settings: ReadonlyMap<string, Setting>, findings: Findings): void {
  const id = `${settings.get('smtpd_service_name')?.value ?? 'smtpd'}/pass`
  const overrides = [...(services.find((one) => one.id === id)?.overrides.keys() ?? [])].filter((name) => name !== 'syslog_name')
  if (overrides.length === 0) return
  findings.note(
    `${id}: options of the mail server, not of the gateway: ${overrides.join(', ')}; set them for the smtpd in spec.backend, together with smtpd_upstream_proxy_protocol=haproxy`,
  )
}

/** Applies the options of the imported service to the parameters of main.cf. */
export function withService(settings: ReadonlyMap<string, Setting>, choice: ServiceChoice, findings: Findings): ServiceSettings {
  const service = choose(choice, findings)
  const merged = new Map(settings)
  const put = (id: string, name: string, value: string): void => void merged.set(name, { value, line: 0, service: id })
  for (const [name, value] of service?.overrides ?? []) {
    if (!ofTlsproxy(name)) put(service?.id ?? '', name, value)
    else findings.leaveOut(`${service?.id}/${name}`, 'Postfix reads it in the tlsproxy service, so it has no effect on postscreen')
  }
  if (service !== undefined) notePort(service, findings)
  const tlsproxy = choice.services.find(({ id }) => id === `${merged.get('tlsproxy_service_name')?.value ?? 'tlsproxy'}/unix`)
  for (const [name, value] of tlsproxy?.overrides ?? []) if (ofTlsproxy(name)) put(tlsproxy?.id ?? '', name, value)
  noteMailServer(choice.services, merged, findings)
  const nameFor = (parameter: string): string => {
    const id = merged.get(parameter)?.service
    return id === undefined ? parameter : `${id}/${parameter}`
  }
  return { settings: merged, nameFor }
}
