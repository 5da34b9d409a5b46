// Every block of the documents is tested: YAML is read, all others are listed in classification.ts.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loadAll } from 'js-yaml'
import { blocks, blocksOf, pages, root } from './blocks.ts'
import { treatments, treatmentsOf } from './classification.ts'

const isYaml = (language: string): boolean => language === 'yaml' || language === 'yml'

test('finds blocks in lists, with languages, and with longer fences', () => {
  const found = blocksOf('x', 'a\n```\none\n```\n- b\n\n  ```sh\n  two\n  ```\n````\n```\nthree\n````\n')
  assert.deepEqual(
    found.map(({ line, language, text }) => [line, language, text]),
    [
      [2, '', 'one\n'],
      [7, 'sh', 'two\n'],
      [10, '', '```\nthree\n'],
    ],
  )
})

test('every block that is not YAML is listed with the place where it runs, and every listed block exists', () => {
  const others = blocks.filter(({ language }) => !isYaml(language))
  const unknown = others
    .filter((block) => treatmentsOf(block).length !== 1)
    .map(({ page, line, text }) => `${page}:${line}: ${text.slice(0, 60)}`)
  const stale = treatments.filter(([page, start]) => !others.some((block) => block.page === page && block.text.startsWith(start)))
  assert.deepEqual({ unknown, stale }, { unknown: [], stale: [] })
})

test('every story that is listed for a block exists', () => {
  for (const [, , treatment] of treatments) {
    const [, story] = /^stories\/([\w-]+)\.cluster/.exec('because' in treatment ? treatment.because : '') ?? []
    if (story !== undefined) assert.ok(existsSync(`${root}test/cluster/stories/${story}.cluster.test.ts`), story)
  }
})

/** Numbers with a decimal point in quantities, which the API server does not accept without quotes. */
const barePoint = /^\s*(?:-\s*)?(?:\w+:\s*)?(?:cpu|memory|storage|ephemeral-storage):\s*[0-9]+\.[0-9]+\s*(?:#.*)?$/m

test('the YAML of every page can be read, and its quantities are in quotes', () => {
  for (const { page, line, language, text } of blocks) {
    if (!isYaml(language)) continue
    assert.doesNotThrow(() => loadAll(text), `${page}:${line}`)
    assert.doesNotMatch(text, barePoint, `${page}:${line}`)
    assert.doesNotMatch(text, /\b(?:cpu|memory|storage): [0-9]+\.[0-9]+\s*[,}]/, `${page}:${line}`)
  }
})

test('commands that follow the log set the number of pods, because kubectl follows only five by default', () => {
  const texts = [...pages, 'charts/postscreen/templates/NOTES.txt'].map((page) => [page, readFileSync(`${root}${page}`, 'utf8')] as const)
  const wrong = texts.flatMap(([page, text]) =>
    [...text.matchAll(/kubectl[^`\n]* logs[^`\n]*/g)]
      .map(([command]) => command)
      .filter((command) => / -f\b/.test(command) && / -l /.test(command) && !command.includes('--max-log-requests'))
      .map((command) => `${page}: ${command}`),
  )
  assert.deepEqual(wrong, [])
})

test('commands that read the log with jq skip lines that are not JSON', () => {
  const wrong = blocks.filter(({ text }) => / logs .*\| jq/.test(text) && !/jq -\w*R\w* 'fromjson\? \|/.test(text))
  assert.deepEqual(wrong, [])
})

test('the example behind a load balancer agrees with keep-the-client-address.md', () => {
  const example = readFileSync(`${root}docs/examples/behind-load-balancer.yaml`, 'utf8')
  assert.match(example, /externalTrafficPolicy: Local/)
  assert.doesNotMatch(example, /aws-load-balancer-proxy-protocol/)
})

test('the errors that the section on troubleshooting quotes from a status are in the program', () => {
  const page = readFileSync(`${root}docs/install-with-helm.md`, 'utf8')
  const quoted = [...page.slice(page.indexOf('## Troubleshooting')).matchAll(/^- \*([^*]+)\*:/gm)].map(([, words = '']) => words)
  const source = ['gateway', 'operator'].flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(`${root}${folder}/${name}`, 'utf8')),
  )
  // Codes of network errors in Node.js.
  const codes = ['ECONNREFUSED', 'ENOTFOUND']
  assert.ok(quoted.length > 0)
  assert.deepEqual(
    quoted.filter((words) => !codes.includes(words) && !source.some((text) => text.includes(words))),
    [],
  )
})
