// The fields of the tests after the greeting.
import { action, choice, documented, duration, flag, group, list, text } from './field.ts'

const deepTTL = { max: '366d' } as const
const deepTTLDoc = 'The time for which a client that passed this test does not have to repeat it.'

/** The default of `handoff`. The rules about TLS need it too. */
export const handoff: 'SameSession' | 'Reconnect' = 'SameSession'

/** The default of `tls`. The rules about TLS need it too. */
export const deepTestsTls = 'PassThrough'

export const deepTests = group(
  {
    handoff: documented(choice(['SameSession', 'Reconnect']).default(handoff), {
      doc: 'How a client is handed off that passes these tests in this session. SameSession: at its first recipient, in the same session; the gateway repeats EHLO, MAIL and RCPT to a mail server. Reconnect: the recipient gets 450, and the client is handed off when it connects again, as with postscreen.',
      differs: 'Postfix has only what is called Reconnect here. The importers write it.',
    }),
    tls: documented(choice(['PassThrough', 'Terminate']).default(deepTestsTls), {
      doc: 'What STARTTLS does when handoff is SameSession. PassThrough: the client is handed off at STARTTLS and negotiates TLS with the mail server, so the gateway needs no certificate. The tests of such a client are not finished, and any client can send STARTTLS. STARTTLS is offered when the mail servers offer it. Terminate: TLS ends at the gateway, which needs a certificate (see tls.level); the tests continue inside TLS, and then the client must connect again. With Reconnect, TLS always ends at the gateway.',
    }),
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
  { doc: 'The tests after the greeting, and how a client that passes them for the first time is handed off.' },
)
