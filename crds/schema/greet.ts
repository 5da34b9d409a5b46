// The policy's fields about the pregreet test.
import { parseDuration } from '../values/duration.ts'
import { action, documented, duration, record, time } from './field.ts'
import { greetBannerMacros, template } from './forms.ts'

/** The default wait, which the rule "stressWait is not longer than wait" needs too. */
export const greetWait = '6s'

/** The stress value of Postfix's default, or the normal value where that is shorter. */
const stressWaitDefault = parseDuration('2s') ?? 0

export const greet = documented(
  record({
    action: action('Ignore', {
      doc: 'What to do with a client that speaks before it is greeted.',
      postfix: { own: 'postscreen_greet_action' },
      zimbra: ['zimbraMtaPostscreenGreetAction'],
    }),
    wait: duration(
      '6s',
      { max: '5m' },
      {
        doc: 'How long a client must stay silent after the first line of the greeting; also how long DNSBL answers are waited for.',
        postfix: { own: 'postscreen_greet_wait' },
      },
    ),
    stressWait: documented(time({ max: '5m' }).exactOptional(), {
      doc: 'The same in stress mode (see limits.preQueue). It must not be longer than wait.',
      unit: 'seconds',
      postfix: { own: 'postscreen_greet_wait' },
      convert: { as: 'stressDuration', bareUnit: 's' },
      computedDefault: '2s, or wait where that is shorter',
    }),
    ttl: duration(
      '1d',
      { max: '366d' },
      {
        doc: 'How long a client that passed this test need not take it again.',
        postfix: { own: 'postscreen_greet_ttl' },
        zimbra: ['zimbraMtaPostscreenGreetTTL'],
      },
    ),
    banner: documented(template(500, greetBannerMacros).default('$banner'), {
      doc: 'The text of the first line of the greeting, the teaser (220-); $banner stands for spec.banner, $hostname for the host name. Empty: no teaser and no test.',
      postfix: { own: 'postscreen_greet_banner' },
      tenancy: 'own',
      convert: { as: 'template' },
    }),
  })
    .transform((fields) => ({ ...fields, stressWait: fields.stressWait ?? Math.min(stressWaitDefault, fields.wait) }))
    .prefault({}),
  { doc: 'The pregreet test: spambots speak before they are greeted.' },
)
