// The notes of a release: what CHANGELOG.md says of its version.
import { readFileSync } from 'node:fs'

/**
 * The section `## [VERSION]` of a changelog, without its heading. While there is no such section, `## [Unreleased]` is
 * taken. Throws if the section has no entry.
 */
export function releaseNotes(changelog: string, version: string): string {
  const section = sectionOf(changelog, version) ?? sectionOf(changelog, 'Unreleased')
  if (section === undefined) throw new Error(`CHANGELOG.md has neither a section [${version}] nor [Unreleased]`)
  if (!/^- /m.test(section)) throw new Error(`CHANGELOG.md lists no change for ${version}`)
  return `${section.trim()}\n`
}

function sectionOf(changelog: string, name: string): string | undefined {
  const [, ...sections] = `\n${changelog}`.split(/\n## (?=\[)/)
  const found = sections.find((section) => section.startsWith(`[${name}]`))
  // Links of the headings stand at the end of the last section.
  return found?.replace(/^.*/, '').replace(/(\n\[[^\]\n]+\]: .*)+\s*$/, '')
}

/** The changes for Artifact Hub: the kind (the heading above) and the first sentence of each. */
export function changesForArtifactHub(notes: string): readonly { readonly kind: string; readonly description: string }[] {
  const kinds: Readonly<Record<string, string>> = {
    Added: 'added',
    Changed: 'changed',
    Fixed: 'fixed',
    Removed: 'removed',
    Security: 'security',
  }
  let kind = 'changed'
  return notes.split(/\n(?=- |### )/).flatMap((part) => {
    const [, heading] = /^### (\w+)/.exec(part) ?? []
    if (heading !== undefined) kind = kinds[heading] ?? 'changed'
    const [, entry] = /^- ([^]*)/.exec(part) ?? []
    return entry === undefined ? [] : [{ kind, description: firstSentence(entry) }]
  })
}

function firstSentence(entry: string): string {
  const [paragraph = ''] = entry.split(/\n\s*\n/)
  const plain = paragraph
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('**', '')
    .trim()
  // An abbreviation is not followed by a capital letter.
  return /^.*?(?:[.](?= [A-Z`]|$)|:(?= ))/.exec(plain)?.[0] ?? plain
}

if (import.meta.main) {
  const [version = ''] = process.argv.slice(2)
  process.stdout.write(releaseNotes(readFileSync(new URL('../CHANGELOG.md', import.meta.url), 'utf8'), version))
}
