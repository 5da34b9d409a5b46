// The Postfix behind the gateway in tests of sessions that are continued at it: one smtpd for each setting that matters to such sessions.
import type { Settings } from '../peers/postfix-files.ts'
import { type Postfix, startPostfix } from '../peers/postfix.ts'

/** Mail that was accepted stays in the queue, where postcat can read it. */
const held: Settings = {
  smtpd_end_of_data_restrictions: 'check_client_access static:HOLD',
  smtpd_recipient_restrictions:
    'check_recipient_access inline:{{defer@example.test = 450 4.2.0 Later}, {refuse@example.test = 550 5.1.1 Never}}',
  smtpd_tls_security_level: 'may',
}

/** By name; `NAME-smtpd` is the port behind a PROXY header. */
export const variants: Readonly<Record<string, Settings>> = {
  plain: {},
  'no-dsn': { smtpd_discard_ehlo_keywords: 'dsn, silent-discard' },
  'no-chunking': { smtpd_discard_ehlo_keywords: 'chunking, silent-discard' },
  small: { message_size_limit: '3000' },
  'no-smtputf8': { smtputf8_enable: 'no' },
  strict: { strict_rfc821_envelopes: 'yes', smtpd_helo_required: 'yes', smtpd_delay_reject: 'no' },
  'few-recipients': { smtpd_recipient_limit: '2' },
}

/** @param more further smtpds with settings of their own */
export function startHoldingPostfix(more: Readonly<Record<string, Settings>> = {}): Promise<Postfix> {
  const screens = Object.entries({ ...variants, ...more }).map(([name, mainCf]) => ({ name, mainCf: { ...held, ...mainCf } }))
  return startPostfix({ screens, mainCf: { message_size_limit: '50000000', smtpd_client_message_rate_limit: '0' } })
}

/** The port of a variant behind a PROXY header. Throws for a name that there is not. */
export function portOf({ ports }: Postfix, variant: string): number {
  const port = ports.get(`${variant}-smtpd`)
  if (port === undefined) throw new Error(`Postfix has no smtpd "${variant}"`)
  return port
}
