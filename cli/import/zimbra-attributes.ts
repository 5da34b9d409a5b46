// Zimbra's attributes for postscreen and for the settings that it inherits: the Postfix parameter of each one
// (zmconfigd.cf), and Zimbra's defaults (zimbra-attrs.xml).
import { fields } from '../../crds/schema/fields.ts'

/**
 * The defaults of Zimbra 8.7 to 10 and of Carbonio. `gacf` prints all of them, so they matter only for shortened input.
 */
const defaults: Readonly<Record<string, string>> = {
  zimbraMtaPostscreenAccessList: 'permit_mynetworks',
  zimbraMtaPostscreenBareNewlineAction: 'ignore',
  zimbraMtaPostscreenBareNewlineEnable: 'no',
  zimbraMtaPostscreenBareNewlineTTL: '30d',
  zimbraMtaPostscreenBlacklistAction: 'ignore',
  zimbraMtaPostscreenCacheCleanupInterval: '12h',
  zimbraMtaPostscreenCacheRetentionTime: '7d',
  zimbraMtaPostscreenCommandCountLimit: '20',
  zimbraMtaPostscreenDnsblAction: 'ignore',
  zimbraMtaPostscreenDnsblMaxTTL: '${postscreen_dnsbl_ttl?{$postscreen_dnsbl_ttl}:{1}}h',
  zimbraMtaPostscreenDnsblMinTTL: '60s',
  zimbraMtaPostscreenDnsblReplyMap: '',
  zimbraMtaPostscreenDnsblSites: '',
  zimbraMtaPostscreenDnsblThreshold: '1',
  zimbraMtaPostscreenDnsblTimeout: '10s',
  zimbraMtaPostscreenDnsblTTL: '1h',
  zimbraMtaPostscreenDnsblWhitelistThreshold: '0',
  zimbraMtaPostscreenGreetAction: 'ignore',
  zimbraMtaPostscreenGreetTTL: '1d',
  zimbraMtaPostscreenNonSmtpCommandAction: 'drop',
  zimbraMtaPostscreenNonSmtpCommandEnable: 'no',
  zimbraMtaPostscreenNonSmtpCommandTTL: '30d',
  zimbraMtaPostscreenPipeliningAction: 'enforce',
  zimbraMtaPostscreenPipeliningEnable: 'no',
  zimbraMtaPostscreenPipeliningTTL: '30d',
  zimbraMtaPostscreenUpstreamProxyProtocol: '',
  zimbraMtaPostscreenWatchdogTimeout: '10s',
  zimbraMtaPostscreenWhitelistInterfaces: 'static:all',
  zimbraMtaDefaultProcessLimit: '100',
  zimbraMtaMaxMessageSize: '10240000',
  zimbraMtaSmtpdBanner: '$myhostname ESMTP $mail_name',
  zimbraMtaSmtpdHeloRequired: 'yes',
  zimbraMtaTlsSecurityLevel: 'may',
}

/** Attributes for which the policy has no field. */
const others: Readonly<Record<string, string>> = {
  zimbraMtaMaxMessageSize: 'message_size_limit',
  zimbraMtaMyHostname: 'myhostname',
  zimbraMtaMyNetworks: 'mynetworks',
  zimbraMtaPostscreenWatchdogTimeout: 'postscreen_watchdog_timeout',
  zimbraMtaSmtpdTlsMandatoryCiphers: 'smtpd_tls_mandatory_ciphers',
  zimbraMtaSmtpdTlsMandatoryProtocols: 'smtpd_tls_mandatory_protocols',
}

/**
 * The only attribute that Zimbra defines but never passes to Postfix: neither zmconfigd.cf nor Carbonio's configd.cf
 * contains it.
 * Postfix's default of 10s was always used.
 */
export const withoutEffect = 'zimbraMtaPostscreenDnsblTimeout'
export const timeoutInForce = '10s'

/** Carbonio has the attribute, but passes only its successors to Postfix. */
export const withoutEffectInCarbonio = 'zimbraMtaPostscreenDnsblTTL'

/**
 * The Postfix parameter of each attribute. Attributes of smtpd set smtpd's parameter, from which postscreen's is
 * inherited.
 */
function parametersOfFields(): [string, string][] {
  return fields().flatMap(({ zimbra, postfixNames: { own, old = [], inherits } }) =>
    zimbra.flatMap((attribute, at): [string, string][] => {
      const parameter = attribute.startsWith('zimbraMtaPostscreen') ? [own, ...old][at] : (inherits ?? own)
      return parameter === undefined || attribute === withoutEffect ? [] : [[attribute, parameter]]
    }),
  )
}

export interface ZimbraAttribute {
  readonly name: string
  readonly parameter: string
  /** Undefined if it depends on the server. */
  readonly default: string | undefined
}

/** Every attribute that sets a parameter. */
export const zimbraParameters = (): readonly ZimbraAttribute[] =>
  [...new Map([...parametersOfFields(), ...Object.entries(others)])].map(([name, parameter]) => ({
    name,
    parameter,
    default: defaults[name],
  }))

/**
 * What Zimbra sets without an attribute. Its local configuration decides whether it announces SMTPUTF8; the policy's
 * default is kept.
 */
export const fixedByZimbra: Readonly<Record<string, string>> = {
  smtputf8_enable: 'yes',
  smtpd_tls_cert_file: '/opt/zimbra/conf/smtpd.crt',
  smtpd_tls_key_file: '/opt/zimbra/conf/smtpd.key',
}

export const fixedByCarbonio: Readonly<Record<string, string>> = {
  smtputf8_enable: 'no',
  smtpd_tls_cert_file: '/opt/zextras/conf/smtpd.crt',
  smtpd_tls_key_file: '/opt/zextras/conf/smtpd.key',
}
