// Greeting texts: $myhostname stays a macro of the policy, so that one policy serves every replica under its own name.
import { fillIn, readTemplate } from '../../crds/values/macros.ts'
import { evaluated, type Source } from './source.ts'

/** Characters of a private use area stand for the macros while Postfix's own expansion runs. */
const hostMark = '\u{e000}'
const bannerMark = '\u{e001}'

const escapeDollars = (text: string): string => text.replaceAll('$', '$$$$')

const withMacros = (text: string): string => escapeDollars(text).replaceAll(hostMark, '$hostname').replaceAll(bannerMark, '$banner')

/**
 * What a template comes to with Postfix's values in the place of its macros; undefined if text behind a macro makes it
 * another one.
 */
const filledIn = (template: string, hostname: string, banner: string): string | undefined => {
  const read = readTemplate(template, ['hostname', 'banner'])
  return 'why' in read ? undefined : fillIn(read.value, { hostname, banner })
}

/**
 * A greeting as a template with $hostname, and $banner where `smtpd_banner` stands in it. A text that only looks at the
 * names (`${{$myhostname} == {a} ? …}`) comes to something else with them as macros; then it is written out as Postfix
 * would say it.
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
 * postscreen_reject_footer is not expanded; a value that is just another parameter's name means that one's text
 * (post_jail_init).
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
