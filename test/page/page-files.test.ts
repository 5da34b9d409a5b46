// The files of the live page: few bytes, nothing from elsewhere, a strict policy, and texts that are never markup.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { bundle } from '../../release/bundle.ts'
import { pageFiles } from '../../runtime/page-files.ts'

const folder = fileURLToPath(new URL('../../runtime/page/', import.meta.url))
const names = readdirSync(folder)
const pages = ['gateway', 'operator'] as const
const namesOf = (page: (typeof pages)[number]): readonly string[] =>
  Object.keys(pageFiles(page)).map((path) => (path === '/' ? `${page}.html` : path.slice('/page/'.length)))
const text = (name: string): string => readFileSync(join(folder, name), 'utf8')

/** So that the page opens at once through a slow connection to a cluster. */
const mostBytes = 60_000

test('the image has each page in at most 60 kB', async (t) => {
  const image = mkdtempSync(join(tmpdir(), 'page-'))
  t.after(() => rmSync(image, { recursive: true }))
  await bundle(image)
  const built = join(image, 'program/page')
  assert.deepEqual(readdirSync(built).toSorted(), names.toSorted())
  for (const page of pages) {
    const bytes = namesOf(page).reduce((sum, name) => sum + statSync(join(built, name)).size, 0)
    assert.ok(bytes <= mostBytes, `${page}: ${bytes} bytes`)
  }
})

test('every file is served with its type, under a policy that allows nothing from elsewhere', () => {
  assert.deepEqual([...new Set(pages.flatMap(namesOf))].toSorted(), names.toSorted())
  for (const page of pages.flatMap((name) => Object.values(pageFiles(name)))) {
    const { code, type, headers } = page()
    assert.equal(code, 200)
    assert.match(type, /^(text\/(html|css|javascript); charset=utf-8|image\/svg\+xml)$/)
    const policy = headers?.['content-security-policy'] ?? ''
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/)
    assert.doesNotMatch(policy, /unsafe|\*|https?:|data:/)
    assert.equal(headers?.['x-content-type-options'], 'nosniff')
  }
})

test('no file names another host, and no script makes markup of a text', () => {
  for (const name of names) {
    const links = text(name).match(/(?:https?:)?\/\/[\w.-]+\.\w+/g) ?? []
    assert.deepEqual(
      links.filter((link) => !link.includes('www.w3.org')),
      [],
      name,
    )
    if (name.endsWith('.js'))
      assert.doesNotMatch(text(name), /innerHTML\s*=[^=]|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/, name)
    if (name.endsWith('.html')) assert.doesNotMatch(text(name), /\son\w+=|\sstyle=|<script>|<style/, name)
  }
})

test('every import of a script names a file that is served', () => {
  for (const name of names.filter((one) => one.endsWith('.js')))
    for (const [, target = ''] of text(name).matchAll(/from '\.\/([\w.-]+)'/g))
      assert.ok(names.includes(target), `${name} imports ${target}`)
})
