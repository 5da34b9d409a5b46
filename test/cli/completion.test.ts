// The completion of shells: every subcommand, option and value of the table is offered, by the shells themselves.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bashScript } from '../../cli/completion/bash.ts'
import { fishScript } from '../../cli/completion/fish.ts'
import { kubectlScript } from '../../cli/completion/kubectl.ts'
import { type CompletionModel, loadModel } from '../../cli/completion/model.ts'
import { zshScript } from '../../cli/completion/zsh.ts'
import { commands } from '../../cli/commands.ts'
import { unless } from '../peers/require.ts'

const folder = mkdtempSync(join(tmpdir(), 'completion-'))
after(() => rmSync(folder, { recursive: true }))

let model: CompletionModel
before(async () => {
  model = await loadModel()
  write('postscreen.bash', bashScript(model))
  write('postscreen.zsh', zshScript(model))
  write('postscreen.fish', fishScript(model))
  write('kubectl_complete-postscreen', kubectlScript(model))
  // What the cluster has: names of namespaces, contexts and policies.
  write(
    'kubectl',
    '#!/bin/sh\ncase "$*" in *namespaces*) echo namespace/mail ;; *contexts*) echo prod ;; *postscreenpolicies*) echo "p/mx-$*" ;; esac\n',
  )
})

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text)
  chmodSync(join(folder, name), 0o755)
}

const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` }

/** What the shell offers for the last of the words, for each question. One process answers all of them. */
type Offer = (questions: readonly (readonly string[])[]) => readonly (readonly string[])[]

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '')
const mark = '--- next'
const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(' ')

/** @param ask the command of the shell for one question */
function answersOf(program: string, options: readonly string[], start: string, ask: readonly string[]): readonly (readonly string[])[] {
  const script = [start, ...ask.map((one) => `${one}\nprintf '%s\\n' '${mark}'`)].join('\n')
  const printed = execFileSync(program, [...options, '-c', script], { env: { ...env, HOME: folder }, encoding: 'utf8', maxBuffer: 1 << 24 })
  return printed.split(`${mark}\n`).slice(0, -1).map(linesOf)
}

const bash: Offer = (questions) => {
  const start = `source ${folder}/postscreen.bash; offer() { COMP_WORDS=(kubectl-postscreen "$@"); COMP_CWORD=$#; __postscreen_bash; printf '%s\\n' "\${COMPREPLY[@]}"; }`
  return answersOf(
    'bash',
    ['--norc'],
    start,
    questions.map((words) => `offer ${quoted(words)}`),
  )
}

/** Outside its line editor, zsh's own functions are not there: they print what they are given. */
const zsh: Offer = (questions) => {
  const start = `compdef() { :; }; compadd() { shift; print -l -- "$@"; }; _files() { print -- :file; }
    _describe() { print -l -- "\${(@P)2}"; }; source ${folder}/postscreen.zsh
    offer() { words=(kubectl-postscreen "$@"); CURRENT=$#words; __postscreen_zsh; }`
  const answers = answersOf(
    'zsh',
    ['-f'],
    start,
    questions.map((words) => `offer ${quoted(words)}`),
  )
  return answers.map((lines, at) => {
    const words = questions[at] ?? []
    return lines.map((line) => (words.length === 1 ? line.replace(/:.*/, '') : line)).filter((line) => line.startsWith(words.at(-1) ?? ''))
  })
}

const fish: Offer = (questions) => {
  const ask = questions.map((words) => `complete -C '${['kubectl-postscreen', ...words].join(' ')}'`)
  return answersOf('fish', ['--no-config'], `source ${folder}/postscreen.fish`, ask).map((lines) =>
    lines.map((line) => line.split('\t')[0] ?? ''),
  )
}

const kubectl: Offer = (questions) => {
  const ask = questions.map((words) => `sh ${folder}/kubectl_complete-postscreen ${quoted(words)}`)
  return answersOf('sh', [], '', ask).map((lines, at) => {
    assert.match(lines.at(-1) ?? '', /^:\d+$/)
    return lines.slice(0, -1).filter((line) => line.startsWith(questions[at]?.at(-1) ?? ''))
  })
}

const shells: readonly (readonly [name: string, offer: Offer, skip: string | false])[] = [
  ['bash', bash, false],
  ['zsh', zsh, unless('zsh')],
  ['fish', fish, unless('fish')],
  ['kubectl', kubectl, false],
]

/** The questions of a test, each with what must be offered, in any order. */
type Wanted = readonly (readonly [words: readonly string[], offered: readonly string[]])[]

function assertOffered(offer: Offer, wanted: Wanted): void {
  const answers = offer(wanted.map(([words]) => words))
  assert.equal(answers.length, wanted.length)
  for (const [at, [words, offered]] of wanted.entries()) assert.deepEqual(answers[at]?.toSorted(), offered.toSorted(), words.join(' '))
}

for (const [shell, offer, skip] of shells)
  describe(shell, { skip }, () => {
    test('offers the subcommands', () => {
      assertOffered(offer, [
        [[''], Object.keys(commands)],
        [['sta'], ['status']],
      ])
    })

    test('offers all options of every subcommand', () => {
      const longOf = (options: CompletionModel[number]['options']) =>
        options.flatMap(({ names }) => names).filter((one) => one.startsWith('--'))
      assertOffered(
        offer,
        model.map(({ name, options }) => [[name, '--'], longOf(options)]),
      )
    })

    test('offers the fixed values of options', () => {
      const wanted = model.flatMap(({ name, options }) =>
        options.flatMap(({ names, values }) =>
          Array.isArray(values) ? names.map((option) => [[name, option, ''], values as readonly string[]] as const) : [],
        ),
      )
      assert.ok(wanted.length > 10)
      assertOffered(offer, wanted)
    })

    test('offers the words after a subcommand', () => {
      const verbs = model.filter((command) => command.verbs.length > 0 && command.takes === undefined)
      assert.ok(verbs.length > 2)
      assertOffered(
        offer,
        verbs.map((command) => [[command.name, ''], command.verbs]),
      )
    })

    test('offers names of the cluster, and nothing in the place of a value that it cannot know', () => {
      assertOffered(offer, [
        [['status', '-n', ''], ['mail']],
        [['status', '--context', ''], ['prod']],
        [['log', '--grep', ''], []],
      ])
      const [policies] = offer([['status', 'm']])
      assert.match(policies?.[0] ?? '', /^mx-/)
    })
  })

test('bash, zsh and kubectl look for a policy in the namespace and the cluster that were typed', () => {
  const typed = ['status', '-n', 'lab', '--context', 'two', '']
  assert.deepEqual(kubectl([typed]), [['mx---context two -n lab get postscreenpolicies -o name']])
})

test('files are left to the shell', () => {
  assert.equal(execFileSync('sh', [join(folder, 'kubectl_complete-postscreen'), 'validate', ''], { env, encoding: 'utf8' }), ':0\n')
  assert.equal(
    execFileSync('sh', [join(folder, 'kubectl_complete-postscreen'), 'explain', '--data-dir', ''], { env, encoding: 'utf8' }),
    ':16\n',
  )
})

test('the scripts have no fault that shellcheck knows', { skip: unless('shellcheck') }, () => {
  for (const [file, shell] of [
    ['postscreen.bash', 'bash'],
    ['kubectl_complete-postscreen', 'sh'],
  ] as const) {
    const { status, stdout } = spawnSync('shellcheck', ['-s', shell, join(folder, file)], { encoding: 'utf8' })
    assert.equal(status, 0, stdout)
  }
})

test('every subcommand that prints text or JSON offers the words', () => {
  for (const { name, options } of model) {
    if (name === 'import') continue
    const output = options.find(({ names }) => names.includes('--output'))
    if (output !== undefined) assert.ok(Array.isArray(output.values), name)
  }
})
