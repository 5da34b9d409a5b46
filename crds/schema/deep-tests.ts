// The fields of the tests after the greeting.
import { action, documented, duration, flag, group, list, text } from './field.ts'

const deepTTL = { max: '366d' } as const
const deepTTLDoc = 'The time for which a client that passed this test does not have to repeat it.'

export const deepTests = group(
  {
    pipelining: group(
      {
        enabled: flag(false, {
          doc: 'Whether the test is enabled.',
          postfix: { own: 'postscreen_pipelining_enable' },
          zimbra: ['zimbraMtaPostscreenPipeliningEnable'],
        }),
        action: action('Enforce', {
          doc: 'The action for a client that fails the test.',
          postfix: { own: 'postscreen_pipelining_action' },
          zimbra: ['zimbraMtaPostscreenPipeliningAction'],
        }),
        ttl: duration('30d', deepTTL, {
          doc: deepTTLDoc,
          postfix: { own: 'postscreen_pipelining_ttl' },
          zimbra: ['zimbraMtaPostscreenPipeliningTTL'],
        }),
      },
      {
        doc: 'The command pipelining test. It detects clients that send several commands at once, although the EHLO reply does not offer pipelining.',
      },
    ),
    nonSMTPCommand: group(
      {
        enabled: flag(false, {
          doc: 'Whether the test is enabled.',
          postfix: { own: 'postscreen_non_smtp_command_enable' },
          zimbra: ['zimbraMtaPostscreenNonSmtpCommandEnable'],
        }),
        action: action('Drop', {
          doc: 'The action for a client that fails the test.',
          postfix: { own: 'postscreen_non_smtp_command_action' },
          zimbra: ['zimbraMtaPostscreenNonSmtpCommandAction'],
        }),
        ttl: duration('30d', deepTTL, {
          doc: deepTTLDoc,
          postfix: { own: 'postscreen_non_smtp_command_ttl' },
          zimbra: ['zimbraMtaPostscreenNonSmtpCommandTTL'],
        }),
        forbiddenCommands: documented(
          list(
            text({ min: 1, max: 64, pattern: '^[!-~]+$', why: 'must be one command such as CONNECT, without blanks, or NonAlphabetic' }),
            {
              max: 100,
            },
          ).default(['CONNECT', 'GET', 'POST', 'NonAlphabetic']),
          {
            tenancy: 'own',
            doc: 'Commands that fail the test, in upper or lower case. Lines that look like message headers always fail. NonAlphabetic means every command that does not begin with a letter.',
            postfix: { own: 'postscreen_forbidden_commands', inherits: 'smtpd_forbidden_commands' },
            convert: { as: 'forbiddenCommands' },
          },
        ),
      },
      { doc: 'The non-SMTP command test. It detects clients that send HTTP requests, message headers or similar lines.' },
    ),
    bareNewline: group(
      {
        enabled: flag(false, {
          doc: 'Whether the test is enabled.',
          postfix: { own: 'postscreen_bare_newline_enable' },
          zimbra: ['zimbraMtaPostscreenBareNewlineEnable'],
        }),
        action: action('Ignore', {
          doc: 'The action for a client that fails the test.',
          postfix: { own: 'postscreen_bare_newline_action' },
          zimbra: ['zimbraMtaPostscreenBareNewlineAction'],
        }),
        ttl: duration('30d', deepTTL, {
          doc: deepTTLDoc,
          postfix: { own: 'postscreen_bare_newline_ttl' },
          zimbra: ['zimbraMtaPostscreenBareNewlineTTL'],
        }),
      },
      { doc: 'The bare newline test. It detects clients that end a line with a newline instead of carriage return and newline.' },
    ),
  },
  { doc: 'The tests after the greeting. As in postscreen, a client that passes them for the first time must connect again.' },
)
