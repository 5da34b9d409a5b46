// Plain English wherever a person reads: the sources, the chart, the documents and the tests do not contain these phrases.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('..', import.meta.url))

/** Each phrase, with what to write instead. ("no valid recipients" is postscreen's own reply.) */
const phrases: readonly { readonly phrase: RegExp; readonly instead: string }[] = [
  { phrase: /(?<!\bthere )\b(?:is|are|was|were) no (?!longer\b)[a-z]/i, instead: 'is not a …' },
  { phrase: /(?<!\bthere )\b(?:is|are) none\b(?!`)/i, instead: 'is not one' },
  { phrase: /\bno valid\b(?! recipients)/i, instead: 'not valid' },
  { phrase: /\bsay one of\b/i, instead: 'expected one of' },
  { phrase: /\b(?:some|no|every)body\b/i, instead: 'the client, the user, no client, all programs' },
  { phrase: /\bwhoever\b/i, instead: 'the clients that …' },
  { phrase: /\b(?:him|his)\b/i, instead: 'it, the client' },
  { phrase: /\bfor ever\b/i, instead: 'without a limit, permanently' },
  { phrase: /\banew\b/i, instead: 'again' },
  { phrase: /\bturn(?:s|ed)? away\b/i, instead: 'refuse' },
  { phrase: /\bhand(?:s|ed)? (?:\w+ ){0,3}on\b/i, instead: 'hand off' },
  { phrase: /\b(?:is|are) believed\b/i, instead: 'is trusted' },
  { phrase: /\bperhaps you mean\b/i, instead: 'did you mean' },
  { phrase: /\bas ever\b/i, instead: 'as usual' },
  { phrase: /\bwithout more ado\b/i, instead: 'without configuration' },
  { phrase: /\bas good as (?:none|left out)\b/i, instead: 'counts as not set' },
  { phrase: /\b[Ff]rom which \w+ on\b/, instead: 'the score at which …' },
  { phrase: /\bhow long still\b/i, instead: 'the remaining time' },
  { phrase: /(?:(?:\/\/|\*|[.!?]) Who|\b(?:test|describe)\(['"`]who)\b/, instead: 'a client that …' },
]

/** Lines in which a phrase is right. */
const allowed: readonly { readonly file: string; readonly text: string }[] = [
  { file: 'docs/bring-your-own-postfix.md', text: 'somebody@example.net' },
  { file: 'test/images/postfix-image.live.test.ts', text: 'nobody@example.test' },
]

/** The phrases themselves, inputs as others have written them, and tests whose texts are not plain English yet. */
const leftOut = ['test/english.test.ts', 'test/cli/import/bad', 'test/cli/import/sites']

const shipped = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'Dockerfile',
  'package.json',
  'charts',
  'cli',
  'crds',
  'docs',
  'gateway',
  'operator',
  'runtime',
]

const covered = [...shipped, 'test', '.ci']

const isText =
  /(?:\.(?:ts|js|md|yaml|json|toml|txt|tpl|sh|cf|awk|session)|(?:^|\/)(?:entrypoint|health|Dockerfile|run|build|cluster|images|inside|keep|try))$/

function filesIn(path: string): readonly string[] {
  if (leftOut.includes(path)) return []
  if (statSync(top + path).isFile()) return isText.test(path) ? [path] : []
  return readdirSync(top + path).flatMap((name) => (name === 'node_modules' ? [] : filesIn(`${path}/${name}`)))
}

function oddPhrases(file: string): readonly string[] {
  const lines = readFileSync(top + file, 'utf8').split('\n')
  return lines.flatMap((line, at) =>
    phrases
      .filter(({ phrase }) => phrase.test(line) && !allowed.some((one) => one.file === file && line.includes(one.text)))
      .map(({ phrase, instead }) => `${file}:${at + 1}: "${phrase.exec(line)?.[0]}": write ${instead}`),
  )
}

test('texts for people are in plain English', () => {
  assert.deepEqual(covered.flatMap(filesIn).flatMap(oddPhrases), [])
})

test('comments of the shipped sources wrap at 120 columns', () => {
  const comment = /^\s*(?:\/\/|\/?\*)/
  const unbreakable = /https?:\/\/|oxlint-disable/
  const long = shipped
    .flatMap(filesIn)
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) =>
      readFileSync(top + file, 'utf8')
        .split('\n')
        .flatMap((line, at) => (line.length > 120 && comment.test(line) && !unbreakable.test(line) ? [`${file}:${at + 1}`] : [])),
    )
  assert.deepEqual(long, [])
})

test('the exceptions are still needed', () => {
  for (const { file, text } of allowed) assert.ok(readFileSync(top + file, 'utf8').includes(text), `${file}: ${text}`)
  for (const path of leftOut) assert.ok(existsSync(top + path), path)
})
