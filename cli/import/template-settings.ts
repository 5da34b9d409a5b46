// Greeting texts: $myhostname becomes a macro of the policy, so that one policy serves every replica with its own name.
import { fillIn, readTemplate } from '../../crds/values/macros.ts'
import { evaluated, type Source } from './source.ts'

/** Characters of a private use area that replace the macros during Postfix's own expansion. */
const hostMark = '\u{e000}'
const bannerMark = '\u{e001}'

const escapeDollars = (text: string): string => text.replaceAll('$', '$$$$')

const withMacros = (text: string): string => escapeDollars(text).replaceAll(hostMark, '$hostname').replaceAll(bannerMark, '$banner')

/**
 * The value of a template with Postfix's values in place of its macros; undefined if the text after a macro would make
 * it another macro.
 */
const filledIn = (template: string, hostname: string, banner: string): string | undefined => {
  const read = readTemplate(template, ['hostname', 'banner'])
  return 'why' in read ? undefined : fillIn(read.value, { hostname, banner })
}

/**
 * A greeting as a template with $hostname, and with $banner in place of `smtpd_banner`. A text that only compares the
 * names (`${{$myhostname} == {a} ? …}`) has a different value with macros in their place; then it is written out as
 * Postfix would send it.
 */
export function readGreeting(parameter: string, source: Source): string | undefined {
  const literal = evaluated(source, parameter)
  if (literal === undefined) return undefined
  const hostname = evaluated(source, 'myhostname') ?? ''
  const banner = evaluated(source, 'smtpd_banner') ?? ''
  const overrides = { myhostname: hostMark, ...(parameter === 'smtpd_banner' ? {} : { smtpd_banner: bannerMark }) }
  const template = withMacros(evaluated(source, parameter, overrides) ?? '')
  return filledIn(template, hostname, banner) === literal ? template : escapeDollars(literal)
}

/**
 * postscreen_reject_footer is not expanded. A value that is only the name of another parameter stands for the text of
 * that one (post_jail_init).
 */
export function readRawFooter(source: Source): string {
  const { configuration } = source
  const own = configuration.raw('postscreen_reject_footer') ?? ''
  const name = /^\$(?:([A-Za-z0-9_]+)|\{([A-Za-z0-9_]+)\})$/
    .exec(own)
    ?.slice(1)
    .find((part) => part !== undefined)
  return (name === undefined ? undefined : configuration.raw(name)) ?? own
}
