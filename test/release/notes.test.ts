// The notes of a release, from a changelog.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { changesForArtifactHub, releaseNotes } from '../../release/notes.ts'

const changelog = `# Changelog

## [Unreleased]

### Added

- Something new.

## [0.2.0] - 2027-01-02

### Added

- **A page** for [alerts](docs/alerts.md): each says
  what to do. And more.

Gateway:

- Another one

### Fixed

- A bug, e.g. this one

## [0.1.0] - 2026-12-24

### Changed

[0.2.0]: https://example.com/0.2.0
[0.1.0]: https://example.com/0.1.0
`

describe('the notes of a release', () => {
  test('are the section of its version, without heading and without others', () => {
    const notes = releaseNotes(changelog, '0.2.0')
    assert.match(notes, /^### Added\n/)
    assert.match(notes, /A bug, e\.g\. this one\n$/)
    assert.doesNotMatch(notes, /Something new|0\.1\.0/)
  })

  test('are what is not released yet, for a version that has no section', () => {
    assert.equal(releaseNotes(changelog, '0.3.0-rc.1'), '### Added\n\n- Something new.\n')
  })

  test('cannot be empty', () => {
    assert.throws(() => releaseNotes(changelog, '0.1.0'), { message: 'CHANGELOG.md lists no change for 0.1.0' })
    assert.throws(() => releaseNotes('# Changelog\n', '1.0.0'), /neither a section \[1\.0\.0\] nor \[Unreleased\]/)
  })

  test('tell Artifact Hub the kind and the first sentence of each change', () => {
    assert.deepEqual(changesForArtifactHub(releaseNotes(changelog, '0.2.0')), [
      { kind: 'added', description: 'A page for alerts:' },
      { kind: 'added', description: 'Another one' },
      { kind: 'fixed', description: 'A bug, e.g. this one' },
    ])
  })
})
