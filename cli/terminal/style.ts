// How text is shown: its width, whether with colours, and which signs the terminal can draw.

export interface Style {
  /** Columns of the terminal; undefined where lines are not wrapped. */
  readonly width: number | undefined
  readonly hasColour: boolean
  readonly hasUtf8: boolean
}

/** `ok`: works. `warn`: needs attention, mail still flows. `bad`: mail waits or is refused. `going`: on its way. */
export type Tone = 'ok' | 'warn' | 'bad' | 'going' | 'none' | 'in' | 'back' | 'mute'

const signs: Readonly<Record<Tone, readonly [utf8: string, ascii: string]>> = {
  ok: ['✓', 'ok'],
  warn: ['▲', '!'],
  bad: ['✗', 'X'],
  going: ['◐', '~'],
  none: ['○', '-'],
  in: ['→', '>'],
  back: ['↩', '<'],
  mute: ['-', '-'],
}

const colours: Readonly<Partial<Record<Tone, number>>> = { ok: 32, warn: 33, bad: 31, in: 34, back: 36, mute: 90, none: 90 }

export const signOf = (tone: Tone, { hasUtf8 }: Style): string => signs[tone][hasUtf8 ? 0 : 1]

/** The text in the colour of the tone, if there are colours. */
export function coloured(text: string, tone: Tone | undefined, { hasColour }: Style): string {
  const code = tone === undefined ? undefined : colours[tone]
  return hasColour && code !== undefined && text !== '' ? `\u001b[${code}m${text}\u001b[39m` : text
}

interface Stream {
  readonly isTTY?: boolean
  readonly columns?: number
}

/** Colours only on a terminal, and never with NO_COLOR or TERM=dumb (https://no-color.org). */
export function styleOf(stream: Stream, environment: NodeJS.ProcessEnv = process.env, platform: string = process.platform): Style {
  const isTerminal = stream.isTTY === true
  const locale = [environment['LC_ALL'], environment['LC_CTYPE'], environment['LANG']].find((one) => one !== undefined && one !== '')
  const isPlain = (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb'
  return {
    width: isTerminal ? (stream.columns ?? 80) : undefined,
    hasColour: isTerminal && !isPlain,
    hasUtf8: locale === undefined ? platform !== 'linux' : /utf-?8/i.test(locale),
  }
}
