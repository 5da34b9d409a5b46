// The files of a release are uploaded to GitHub before the release is public.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { uploadRelease } from '../../release/github.ts'

const folder = mkdtempSync(join(tmpdir(), 'github-release.'))
let server: Server
let api: string
const asked: string[] = []
/** A path that is answered with an error. */
let refused = ''

before(async () => {
  mkdirSync(join(folder, 'images'))
  writeFileSync(join(folder, 'notes.md'), '- New.\n')
  writeFileSync(join(folder, 'install.yaml'), 'kind: Namespace\n')
  server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  asked.push(`${request.method} ${request.url} ${(await text(request)).trim()} ${request.headers.authorization}`)
  if (refused !== '' && request.url?.includes(refused) === true) response.writeHead(422).end('already_exists')
  else response.end(JSON.stringify({ id: 7, upload_url: `${api}/up/7/assets{?name,label}` }))
}

const upload = (version: string): Promise<void> => {
  asked.length = 0
  return uploadRelease(folder, version, { api, name: 'a/b', token: 't' })
}

test('a draft with the notes, then every file, then it is made public', async () => {
  await upload('1.2.3-rc.1')
  assert.deepEqual(asked, [
    'POST /repos/a/b/releases {"tag_name":"v1.2.3-rc.1","name":"1.2.3-rc.1","body":"- New.\\n","draft":true,"prerelease":true} Bearer t',
    'POST /up/7/assets?name=install.yaml kind: Namespace Bearer t',
    'POST /up/7/assets?name=notes.md - New. Bearer t',
    'PATCH /repos/a/b/releases/7 {"draft":false} Bearer t',
  ])
})

test('it stays a draft if a file is refused', async () => {
  refused = 'install.yaml'
  await assert.rejects(upload('1.2.3'), /assets\?name=install\.yaml: 422 already_exists/)
  assert.ok(!asked.some((one) => one.startsWith('PATCH')))
})
