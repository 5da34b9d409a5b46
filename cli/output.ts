// The option -o of subcommands: text for people, or JSON or YAML with everything.
import { dump } from 'js-yaml'

export type Output = 'text' | 'wide' | 'json' | 'yaml'

/** Reads the option. @param forms those that the subcommand has */
export function readOutput<Form extends Output>(
  text: string | undefined,
  forms: readonly Form[],
): { readonly output: Form | 'text' } | { readonly why: string } {
  if (text === undefined) return { output: 'text' }
  const output = forms.find((one) => one === text)
  if (output !== undefined) return { output }
  return { why: `--output must be one of ${forms.join(', ')}, not ${JSON.stringify(text)}` }
}

/** Data as JSON or YAML, with a line end. Fields that are undefined are left out. */
export function formatted(data: unknown, output: 'json' | 'yaml'): string {
  const json = JSON.stringify(data, undefined, 2)
  return output === 'json' ? `${json}\n` : dump(JSON.parse(json), { lineWidth: -1, noRefs: true })
}
