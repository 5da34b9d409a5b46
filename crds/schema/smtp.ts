// The policy's fields about the dummy SMTP engine, which talks to clients that are tested after the greeting or refused.
import { parseDuration } from '../values/duration.ts'
import { choice, count, documented, duration, flag, list, record, text, time } from './field.ts'
import { footer, line, networks } from './forms.ts'

/** The EHLO keywords that Postfix knows (ehlo_mask), and the word that keeps discarding out of the log. */
export const ehloKeywords = [
  '8BITMIME',
  'AUTH',
  'CHUNKING',
  'DSN',
  'ENHANCEDSTATUSCODES',
  'ETRN',
  'PIPELINING',
  'REQUIRETLS',
  'SIZE',
  'SMTPUTF8',
  'STARTTLS',
  'VERP',
  'VRFY',
  'XCLIENT',
  'XFORWARD',
  'silent-discard',
] as const

const keywords = () => list(choice(ehloKeywords), { max: 32 })

const discardFor = record({
  cidrs: documented(networks(1, 1000), { doc: 'The clients that the entry is for.', tenancy: 'own' }),
  keywords: documented(keywords(), { doc: 'The EHLO keywords that these clients are not told, instead of discardEHLOKeywords.' }),
})

const footerFor = record({
  reply: documented(
    text({ min: 5, max: 1000, pattern: '^[45][0-9][0-9] [ -~]+$', why: 'must be a whole reply such as 550 5.5.1 Protocol error' }),
    {
      doc: 'The whole reply, as it is sent without softBounce, without line end.',
      tenancy: 'own',
    },
  ),
  footer: documented(footer(), { doc: 'The footer of this reply, instead of rejectFooter.', tenancy: 'own' }),
})

const replacement = record({
  command: documented(line(512, 1), { doc: 'The whole command line, in any case.', tenancy: 'own' }),
  replacement: documented(line(512, 1), { doc: 'The command line that takes its place.', tenancy: 'own' }),
})

/** The default limit, which the rule "stressCommandTimeLimit is not longer than commandTimeLimit" needs too. */
export const commandTimeLimit = '300s'

/** The stress value of Postfix's default, or the normal value where that is shorter. */
const stressTimeLimitDefault = parseDuration('10s') ?? 0

export const smtp = documented(
  record({
    heloRequired: flag(false, {
      doc: 'Whether MAIL and ETRN need HELO or EHLO first.',
      postfix: { own: 'postscreen_helo_required', inherits: 'smtpd_helo_required' },
      zimbra: ['zimbraMtaSmtpdHeloRequired'],
    }),
    disableVRFY: flag(false, {
      doc: 'Whether VRFY is answered with 502.',
      postfix: { own: 'postscreen_disable_vrfy_command', inherits: 'disable_vrfy_command' },
    }),
    announceVRFY: flag(true, {
      doc: 'Whether the EHLO reply has the VRFY keyword.',
      postfix: { own: 'disable_vrfy_command' },
      convert: { as: 'notBoolean' },
    }),
    discardEHLOKeywords: documented(keywords().default([]), {
      doc: 'EHLO keywords that clients are not told. silent-discard: without a log line.',
      postfix: { own: 'postscreen_discard_ehlo_keywords', inherits: 'smtpd_discard_ehlo_keywords' },
      convert: { as: 'words' },
      differs: 'Postfix takes the words in any case and passes over unknown ones.',
    }),
    discardEHLOKeywordsFor: documented(list(discardFor, { max: 100 }).default([]), {
      doc: 'The same for some clients: the first entry that matches replaces discardEHLOKeywords.',
      postfix: { own: 'postscreen_discard_ehlo_keyword_address_maps', inherits: 'smtpd_discard_ehlo_keyword_address_maps' },
      convert: { as: 'keywordMaps' },
    }),
    commandCountLimit: count(
      20,
      { min: 1, max: 1_000_000 },
      {
        doc: 'How many commands a client may send; the next one ends the session.',
        unit: 'commands',
        postfix: { own: 'postscreen_command_count_limit' },
        zimbra: ['zimbraMtaPostscreenCommandCountLimit'],
      },
    ),
    commandTimeLimit: duration(
      '300s',
      { max: '1h' },
      {
        doc: 'How long a client may take for one command line.',
        postfix: { own: 'postscreen_command_time_limit' },
      },
    ),
    stressCommandTimeLimit: documented(time({ max: '1h' }).exactOptional(), {
      doc: 'The same in stress mode (see limits.preQueue). It must not be longer than commandTimeLimit.',
      unit: 'seconds',
      postfix: { own: 'postscreen_command_time_limit' },
      convert: { as: 'stressDuration', bareUnit: 's' },
      computedDefault: '10s, or commandTimeLimit where that is shorter',
    }),
    lineLengthLimit: count(
      2048,
      { min: 512, max: 1_048_576 },
      {
        doc: 'How long a command line may be, with its line end; a longer one ends the session.',
        unit: 'bytes',
        postfix: { own: 'line_length_limit' },
      },
    ),
    messageSizeLimit: count(
      10_240_000,
      { min: 0, max: 2 ** 40 },
      {
        doc: 'The message size that the EHLO reply announces; the mail server enforces its own. 0: SIZE without a number.',
        unit: 'bytes',
        postfix: { own: 'message_size_limit' },
      },
    ),
    smtpUTF8: flag(true, {
      doc: 'Whether the EHLO reply has SMTPUTF8, and commands that are not UTF-8 fail the non-SMTP command test.',
      postfix: { own: 'smtputf8_enable' },
    }),
    softBounce: flag(false, {
      doc: 'Whether replies that refuse for good (5xx) are sent as ones that refuse for now (4xx).',
      postfix: { own: 'soft_bounce' },
    }),
    rejectFooter: documented(footer().default(''), {
      doc: 'Text that is added to replies that refuse (4xx and 5xx), with $client_address, $client_port, $localtime and $server_name. \\n begins a new line; \\c at the start continues the line of the reply. Empty: none.',
      postfix: { own: 'postscreen_reject_footer', inherits: 'smtpd_reject_footer' },
      tenancy: 'own',
      convert: { as: 'template' },
    }),
    rejectFooterFor: documented(list(footerFor, { max: 100 }).default([]), {
      doc: 'Footers for single replies.',
      postfix: { own: 'postscreen_reject_footer_maps', inherits: 'smtpd_reject_footer_maps' },
      convert: { as: 'footerMaps' },
    }),
    commandFilter: documented(list(replacement, { max: 100 }).default([]), {
      doc: 'Command lines that are replaced before they are looked at; for broken clients.',
      postfix: { own: 'postscreen_command_filter' },
      convert: { as: 'commandFilter' },
    }),
  })
    .transform((fields) => ({
      ...fields,
      stressCommandTimeLimit: fields.stressCommandTimeLimit ?? Math.min(stressTimeLimitDefault, fields.commandTimeLimit),
    }))
    .prefault({}),
  { doc: 'The dummy SMTP engine: it talks to clients that are tested after the greeting or refused, and never takes mail.' },
)
