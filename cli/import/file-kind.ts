// Recognizes files that were given to an importer by mistake, so that one message says what the file is and which
// command reads it.

const zimbraLine = /^(?:zimbra|carbonio)[A-Za-z]+(?:::?|=|[ \t]+)/m
const zimbraCommand = /^(?:.*\b(?:zmprov|carbonio +prov)\s|(?:prov> *)?(?:mcf|modifyConfig|ms|modifyServer)\s.*\b(?:zimbra|carbonio)[A-Z])/m
/** The output of zmlocalconfig, which contains no settings of postscreen. */
const localConfig = /^(?:zimbra|postfix|ldap|mailboxd|carbonio)_[a-z0-9_]+ ?=/m
const parameterLine =
  /^(?:postscreen|smtpd|smtp|my(?:hostname|domain|networks|origin|destination)|compatibility|inet|mail|queue|tls|tlsproxy)[a-z0-9_]*[ \t]*=/m
const serviceLine = /^\S+\s+(?:inet|unix|unix-dgram|fifo|pass)\s+[yn-]\s+[yn-]\s+[yn-]\s+\S+\s+\S+\s+\S/m

const needMainCf = 'use main.cf, or the output of "postconf -n"'
const needZimbra = 'save the output of "zmprov gacf" or "zmprov gs HOST" and use that file'

/** Describes a file that neither importer can use; undefined for other files. */
function otherKind(text: string): string | undefined {
  const start = text.replace(/^\uFEFF/, '').trimStart()
  if (text.includes('\0')) return 'is not a text file (a compiled table, a database or an archive?)'
  if (/^apiVersion:\s/m.test(text)) return 'is already a Kubernetes object; check it with "postscreen validate"'
  if (/^[{[]/.test(start) && /["\]}]\s*$/.test(start.trimEnd())) return 'is JSON'
  if (/^<(\?xml|!doctype|html|[a-z]+[\s>])/i.test(start)) return 'is XML or HTML'
  if (start.startsWith('-----BEGIN ')) return 'is a certificate or a key'
  if (/^dn::? ?/m.test(text)) return 'is an LDIF file without attributes of a mail server'
  return undefined
}

const hasZimbra = (text: string): boolean => zimbraLine.test(text) || zimbraCommand.test(text)

/** Why a file cannot be the input of `import postfix`, and what to do; undefined for a main.cf. */
export function notMainCf(text: string): string | undefined {
  const parameters = parameterLine.test(text)
  if (!parameters && hasZimbra(text)) return 'this is the output of zmprov (settings of Zimbra or Carbonio): use "postscreen import zimbra"'
  const other = otherKind(text)
  if (other !== undefined) return `${other}; ${needMainCf}`
  if (!parameters && localConfig.test(text))
    return `this is the output of zmlocalconfig, which does not contain postscreen settings; ${needMainCf}`
  if (!/^\S+[ \t]*=/m.test(text) && serviceLine.test(text)) return `this is master.cf; ${needMainCf}, and pass this file with --master-cf`
  return undefined
}

/** Why a file cannot be the input of `import zimbra`, and what to do; undefined for settings of Zimbra. */
export function notZimbra(text: string): string | undefined {
  if (hasZimbra(text)) return undefined
  if (localConfig.test(text)) return `this is the output of zmlocalconfig, which does not contain postscreen settings; ${needZimbra}`
  if (parameterLine.test(text) || serviceLine.test(text))
    return 'this is a configuration of Postfix: use "postscreen import postfix" with main.cf, or import the settings of Zimbra'
  const other = otherKind(text)
  return other === undefined ? undefined : `${other}; ${needZimbra}`
}

/** Why a file cannot be that of `--master-cf`; undefined for a master.cf. */
export function notMasterCf(text: string): string | undefined {
  if (serviceLine.test(text) || !/\S/.test(text)) return undefined
  const why = parameterLine.test(text) ? 'this is main.cf' : (otherKind(text) ?? 'does not contain a service')
  return `${why}; use master.cf, or the output of "postconf -M"`
}
