// The fields of the pregreet test.
import { seconds, shorter } from '../values/duration.ts'
import { action, documented, duration, record, time } from './field.ts'
import { greetBannerMacros, template } from './forms.ts'

/** The default wait. The rule "stressWait is not longer than wait" needs it too. */
export const greetWait = '6s'

/** The stress value of Postfix's default, or the normal value if that is shorter. */
const stressWaitDefault = seconds(2)

export const greet = documented(
  record({
    action: action('Ignore', {
      doc: 'The action for a client that speaks before the greeting is complete.',
      postfix: { own: 'postscreen_greet_action' },
      zimbra: ['zimbraMtaPostscreenGreetAction'],
    }),
    wait: duration(
      greetWait,
      { max: '5m' },
      {
        doc: 'The time that the gateway waits after the first line of the greeting. A client that speaks during this time fails the test. It is also the longest wait for the replies of DNS lists.',
        postfix: { own: 'postscreen_greet_wait' },
      },
    ),
    stressWait: documented(time({ max: '5m' }).exactOptional(), {
      doc: 'The value of wait in stress mode (see limits.preQueue). It must not be longer than wait.',
      unit: 'seconds',
      postfix: { own: 'postscreen_greet_wait' },
      convert: { as: 'stressDuration', bareUnit: 's' },
      computedDefault: '2s, or wait if that is shorter',
    }),
    ttl: duration(
      '1d',
      { max: '366d' },
      {
        doc: 'The time for which a client that passed this test does not have to repeat it.',
        postfix: { own: 'postscreen_greet_ttl' },
        zimbra: ['zimbraMtaPostscreenGreetTTL'],
      },
    ),
    banner: documented(template(500, greetBannerMacros).prefault('$banner'), {
      doc: 'The text of the first line of the greeting, the teaser (220-). $banner is replaced with spec.banner, and $hostname with the host name. Empty: no teaser and no test.',
      postfix: { own: 'postscreen_greet_banner' },
      tenancy: 'own',
      convert: { as: 'template' },
    }),
  })
    .transform((fields) => ({ ...fields, stressWait: fields.stressWait ?? shorter(stressWaitDefault, fields.wait) }))
    .prefault({}),
  { doc: 'The pregreet test. It detects clients that speak before the server has greeted them, as many spambots do.' },
)
