// The parameters of one Postfix: their values in the input, the built-in defaults, and the expanded values.
import { builtInDefaults } from './built-in-defaults.ts'
import { expand } from './expand.ts'
import type { Setting } from './main-cf.ts'

/** The value of a parameter, and the names that were used for it. */
export type Evaluation =
  | {
      readonly text: string
      /**
       * The parameters of the input that were used, in the order of their use. The parameter itself comes first if it
       * is set.
       */
      readonly used: readonly string[]
      /** The names that were used but are neither set nor known. They expand to an empty text, as in Postfix. */
      readonly unknown: readonly string[]
    }
  | { readonly why: string }

/** Texts that replace those of parameters during one evaluation, such as stress=yes. */
export type Overrides = Readonly<Record<string, string>>

export class Configuration {
  readonly settings: ReadonlyMap<string, Setting>
  readonly #defaults: ReadonlyMap<string, string>

  constructor(settings: ReadonlyMap<string, Setting>, defaults: ReadonlyMap<string, string> = builtInDefaults) {
    this.settings = settings
    this.#defaults = defaults
  }

  isSet(name: string): boolean {
    return this.settings.has(name)
  }

  /** The text from the input, or the built-in default; not expanded. Undefined if there is neither. */
  raw(name: string): string | undefined {
    return this.settings.get(name)?.value ?? this.#defaults.get(name) ?? (name === 'mydomain' ? this.#domain() : undefined)
  }

  /** Postfix's default of mydomain: myhostname without its first label. */
  #domain(): string | undefined {
    const host = this.evaluate('myhostname', { mydomain: '' })
    if ('why' in host || host.text === '') return undefined
    const dot = host.text.indexOf('.')
    return dot < 0 ? 'localdomain' : host.text.slice(dot + 1)
  }

  /** Expands a parameter. `why` is the error message of Postfix. */
  evaluate(name: string, overrides: Overrides = {}): Evaluation {
    const used = new Set<string>()
    const unknown = new Set<string>()
    const lookup = (wanted: string, use: 'value' | 'test'): string | undefined => {
      const instead = Object.hasOwn(overrides, wanted) ? overrides[wanted] : undefined
      const text = instead ?? this.raw(wanted)
      if (this.isSet(wanted)) used.add(wanted)
      if (text === undefined && use === 'value') unknown.add(wanted)
      return text
    }
    const text = lookup(name, 'value')
    const expansion = expand(text ?? '', lookup)
    return 'why' in expansion ? expansion : { text: expansion.text, used: [...used], unknown: [...unknown] }
  }
}
