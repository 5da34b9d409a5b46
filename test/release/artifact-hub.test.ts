// The file for Artifact Hub has what the publisher set, and no invented owner.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { load } from 'js-yaml'
import { artifactHubFile } from '../../release/artifact-hub.ts'

const id = '8d2a1c4e-0b7f-4c1d-9e55-3f6f0a1b2c3d'

test('what is committed names neither an owner nor an ID', () => {
  const committed = load(readFileSync(new URL('../../charts/artifacthub-repo.yml', import.meta.url), 'utf8'))
  assert.deepEqual(committed, { ignore: [] })
})

describe('the file for Artifact Hub', () => {
  test('is not written when the publisher set nothing', () => {
    assert.equal(artifactHubFile({}), undefined)
    assert.equal(artifactHubFile({ RELEASE_ARTIFACT_HUB_ID: '', RELEASE_ARTIFACT_HUB_OWNERS: '' }), undefined)
  })

  test('has the ID of the repository', () => {
    assert.deepEqual(load(artifactHubFile({ RELEASE_ARTIFACT_HUB_ID: id }) ?? ''), { ignore: [], repositoryID: id })
  })

  test('has the owners', () => {
    const owners = load(artifactHubFile({ RELEASE_ARTIFACT_HUB_OWNERS: 'Ann Example <ann@example.com>, Ben <ben@example.com>' }) ?? '')
    const expected = [
      { name: 'Ann Example', email: 'ann@example.com' },
      { name: 'Ben', email: 'ben@example.com' },
    ]
    assert.deepEqual(owners, { ignore: [], owners: expected })
  })

  for (const wrong of ['8d2a1c4e', `${id} `, id.toUpperCase(), 'x: y'])
    test(`refuses the ID "${wrong}"`, () => {
      assert.throws(() => artifactHubFile({ RELEASE_ARTIFACT_HUB_ID: wrong }), /^Error: RELEASE_ARTIFACT_HUB_ID: ".*" is not an ID such as/)
    })

  for (const wrong of ['Ann', 'ann@example.com', '<ann@example.com>', 'Ann <ann>', 'Ann <a@b>,', 'Ann <a@b> Ben <b@c>'])
    test(`refuses the owners "${wrong}"`, () => {
      assert.throws(
        () => artifactHubFile({ RELEASE_ARTIFACT_HUB_OWNERS: wrong }),
        /^Error: RELEASE_ARTIFACT_HUB_OWNERS: ".*" is not an owner such as/,
      )
    })
})
