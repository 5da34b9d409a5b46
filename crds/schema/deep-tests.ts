// The policy's fields about the tests after the greeting.
import { action, documented, duration, flag, group, list, text } from './field.ts'

const deepTTL = { max: '366d' } as const
const deepTTLDoc = 'How long a client that passed this test need not take it again.'

export const deepTests = group(
  {
    pipelining: group(
      {
        enabled: flag(false, {
          doc: 'Whether the test is on.',
          postfix: { own: 'postscreen_pipelining_enable' },
          zimbra: ['zimbraMtaPostscreenPipeliningEnable'],
        }),
        action: action('Enforce', {
          doc: 'What to do with a client that fails.',
          postfix: { own: 'postscreen_pipelining_action' },
          zimbra: ['zimbraMtaPostscreenPipeliningAction'],
        }),
        ttl: duration('30d', deepTTL, {
          doc: deepTTLDoc,
          postfix: { own: 'postscreen_pipelining_ttl' },
          zimbra: ['zimbraMtaPostscreenPipeliningTTL'],
        }),
      },
      { doc: 'The command pipelining test: a client that sends several commands at once although that is not offered.' },
    ),
    nonSMTPCommand: group(
      {
        enabled: flag(false, {
          doc: 'Whether the test is on.',
          postfix: { own: 'postscreen_non_smtp_command_enable' },
          zimbra: ['zimbraMtaPostscreenNonSmtpCommandEnable'],
        }),
        action: action('Drop', {
          doc: 'What to do with a client that fails.',
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
            doc: 'Commands, in any case, that are no SMTP besides lines that look like message headers. NonAlphabetic stands for every command that does not begin with a letter.',
            postfix: { own: 'postscreen_forbidden_commands', inherits: 'smtpd_forbidden_commands' },
            convert: { as: 'forbiddenCommands' },
          },
        ),
      },
      { doc: 'The non-SMTP command test: a client that sends HTTP, a message header or the like.' },
    ),
    bareNewline: group(
      {
        enabled: flag(false, {
          doc: 'Whether the test is on.',
          postfix: { own: 'postscreen_bare_newline_enable' },
          zimbra: ['zimbraMtaPostscreenBareNewlineEnable'],
        }),
        action: action('Ignore', {
          doc: 'What to do with a client that fails.',
          postfix: { own: 'postscreen_bare_newline_action' },
          zimbra: ['zimbraMtaPostscreenBareNewlineAction'],
        }),
        ttl: duration('30d', deepTTL, {
          doc: deepTTLDoc,
          postfix: { own: 'postscreen_bare_newline_ttl' },
          zimbra: ['zimbraMtaPostscreenBareNewlineTTL'],
        }),
      },
      { doc: 'The bare newline test: a client that ends a line with a newline instead of carriage return and newline.' },
    ),
  },
  { doc: 'The tests after the greeting. A client that passes them for the first time must connect again, as with postscreen.' },
)
