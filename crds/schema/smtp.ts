// The fields of the dummy SMTP engine, which talks to clients that are refused or are tested after the greeting.
import { seconds, shorter } from '../values/duration.ts'
import { choice, count, documented, duration, flag, list, record, text, time } from './field.ts'
import { footer, line, networks } from './forms.ts'
import { type EhloKeyword, ehloKeywords } from '../values/ehlo-keywords.ts'

type PolicyKeyword = Exclude<EhloKeyword, 'SILENT-DISCARD'> | 'silent-discard'

/** The keywords as a policy writes them, in the order of their texts. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the list is not empty
export const policyKeywords = ehloKeywords.map((one): PolicyKeyword => (one === 'SILENT-DISCARD' ? 'silent-discard' : one)).toSorted() as [
  PolicyKeyword,
  ...PolicyKeyword[],
]

const keywords = () => list(choice(policyKeywords), { max: 32 })

const discardFor = record({
  cidrs: documented(networks(1, 1000), { doc: 'The clients that the entry applies to.', tenancy: 'own' }),
  keywords: documented(keywords(), {
    doc: 'The EHLO keywords that the reply to these clients omits. Replaces discardEHLOKeywords for them.',
  }),
})

const footerFor = record({
  reply: documented(
    text({ min: 5, max: 1000, pattern: '^[45][0-9][0-9] [ -~]+$', why: 'must be a complete reply such as 550 5.5.1 Protocol error' }),
    {
      doc: 'The complete reply without line ending, as it is sent when softBounce is false.',
      tenancy: 'own',
    },
  ),
  footer: documented(footer(), { doc: 'The footer of this reply. Replaces rejectFooter for it.', tenancy: 'own' }),
})

const replacement = record({
  command: documented(line(512, 1), { doc: 'The complete command line, in upper or lower case.', tenancy: 'own' }),
  replacement: documented(line(512, 1), { doc: 'The command line that replaces it.', tenancy: 'own' }),
})

/** The default limit. The rule "stressCommandTimeLimit is not longer than commandTimeLimit" needs it too. */
export const commandTimeLimit = '300s'

/** The stress value of Postfix's default, or the normal value if that is shorter. */
const stressTimeLimitDefault = seconds(10)

export const smtp = documented(
  record({
    heloRequired: flag(false, {
      doc: 'Whether MAIL and ETRN need HELO or EHLO first.',
      postfix: { own: 'postscreen_helo_required', inherits: 'smtpd_helo_required' },
      zimbra: ['zimbraMtaSmtpdHeloRequired'],
    }),
    disableVRFY: flag(false, {
      doc: 'Whether the VRFY command is refused with 502.',
      postfix: { own: 'postscreen_disable_vrfy_command', inherits: 'disable_vrfy_command' },
    }),
    announceVRFY: flag(true, {
      doc: 'Whether the EHLO reply contains the VRFY keyword.',
      postfix: { own: 'disable_vrfy_command' },
      convert: { as: 'notBoolean' },
    }),
    discardEHLOKeywords: documented(keywords().default([]), {
      doc: 'EHLO keywords that the reply to clients omits. silent-discard: do not log this.',
      postfix: { own: 'postscreen_discard_ehlo_keywords', inherits: 'smtpd_discard_ehlo_keywords' },
      convert: { as: 'words' },
      differs: 'Postfix accepts keywords in upper or lower case and ignores unknown ones.',
    }),
    discardEHLOKeywordsFor: documented(list(discardFor, { max: 100 }).prefault([]), {
      doc: 'EHLO keywords to omit for some clients. The first entry that matches the client replaces discardEHLOKeywords.',
      postfix: { own: 'postscreen_discard_ehlo_keyword_address_maps', inherits: 'smtpd_discard_ehlo_keyword_address_maps' },
      convert: { as: 'keywordMaps' },
    }),
    commandCountLimit: count(
      20,
      { min: 1, max: 1_000_000 },
      {
        doc: 'The maximum number of commands in a session. The next command ends the session.',
        unit: 'commands',
        postfix: { own: 'postscreen_command_count_limit' },
        zimbra: ['zimbraMtaPostscreenCommandCountLimit'],
      },
    ),
    commandTimeLimit: duration(
      commandTimeLimit,
      { max: '1h' },
      {
        doc: 'The time limit for receiving one command line.',
        postfix: { own: 'postscreen_command_time_limit' },
      },
    ),
    stressCommandTimeLimit: documented(time({ max: '1h' }).exactOptional(), {
      doc: 'The value of commandTimeLimit in stress mode (see limits.preQueue). It must not be longer than commandTimeLimit.',
      unit: 'seconds',
      postfix: { own: 'postscreen_command_time_limit' },
      convert: { as: 'stressDuration', bareUnit: 's' },
      computedDefault: '10s, or commandTimeLimit if that is shorter',
    }),
    lineLengthLimit: count(
      2048,
      { min: 512, max: 1_048_576 },
      {
        doc: 'The maximum length of a command line with its line ending. A longer line ends the session.',
        unit: 'bytes',
        postfix: { own: 'line_length_limit' },
      },
    ),
    messageSizeLimit: count(
      10_240_000,
      { min: 0, max: 2 ** 40 },
      {
        doc: 'The message size that the EHLO reply announces. The mail server enforces its own limit. 0: SIZE without a number.',
        unit: 'bytes',
        postfix: { own: 'message_size_limit' },
      },
    ),
    smtpUTF8: flag(true, {
      doc: 'Whether the EHLO reply contains SMTPUTF8. If true, commands that are not valid UTF-8 fail the non-SMTP command test.',
      postfix: { own: 'smtputf8_enable' },
    }),
    softBounce: flag(false, {
      doc: 'Whether permanent errors (5xx replies) are sent as temporary errors (4xx replies).',
      postfix: { own: 'soft_bounce' },
    }),
    rejectFooter: documented(footer().prefault(''), {
      doc: 'The text that is added to error replies (4xx and 5xx). It may contain $client_address, $client_port, $localtime and $server_name. \\n begins a new line; \\c at the start continues the line of the reply. Empty: no footer.',
      postfix: { own: 'postscreen_reject_footer', inherits: 'smtpd_reject_footer' },
      tenancy: 'own',
      convert: { as: 'template' },
    }),
    rejectFooterFor: documented(list(footerFor, { max: 100 }).prefault([]), {
      doc: 'Footers for specific replies.',
      postfix: { own: 'postscreen_reject_footer_maps', inherits: 'smtpd_reject_footer_maps' },
      convert: { as: 'footerMaps' },
    }),
    commandFilter: documented(list(replacement, { max: 100 }).default([]), {
      doc: 'Command lines that are replaced before they are parsed, as a workaround for broken clients.',
      postfix: { own: 'postscreen_command_filter' },
      convert: { as: 'commandFilter' },
    }),
  })
    .transform((fields) => ({
      ...fields,
      stressCommandTimeLimit: fields.stressCommandTimeLimit ?? shorter(stressTimeLimitDefault, fields.commandTimeLimit),
    }))
    .prefault({}),
  { doc: 'The dummy SMTP engine. It talks to clients that are refused or are tested after the greeting, and never accepts mail.' },
)
