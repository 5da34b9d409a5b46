// Uploads the files of a release to the releases of a repository at GitHub.
//   node release/github.ts FOLDER VERSION      with GH_TOKEN, GITHUB_REPOSITORY (OWNER/NAME) and GITHUB_API_URL, as workflows have them
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

export interface Repository {
  /** Such as `https://api.github.com`. */
  readonly api: string
  readonly name: string
  readonly token: string
}

/**
 * Creates the release of the tag `vVERSION` as a draft, uploads every file of `folder` (folders in it are left out), and
 * makes it public then: readers never see it without its files. Rejects with the answer if GitHub refuses a request.
 */
export async function uploadRelease(folder: string, version: string, repository: Repository): Promise<void> {
  const body = readFileSync(join(folder, 'notes.md'), 'utf8')
  const draft = { tag_name: `v${version}`, name: version, body, draft: true, prerelease: version.includes('-') }
  const { api, name } = repository
  const made = await request(repository, 'POST', `${api}/repos/${name}/releases`, JSON.stringify(draft))
  const uploads = String(made['upload_url']).replace(/\{.*/, '')
  for (const file of readdirSync(folder).toSorted()) {
    if (!statSync(join(folder, file)).isFile()) continue
    await request(
      repository,
      'POST',
      `${uploads}?name=${encodeURIComponent(file)}`,
      readFileSync(join(folder, file)),
      'application/octet-stream',
    )
  }
  await request(repository, 'PATCH', `${api}/repos/${name}/releases/${String(made['id'])}`, JSON.stringify({ draft: false }))
}

async function request(
  { token }: Repository,
  method: string,
  url: string,
  body: string | Buffer<ArrayBuffer>,
  type = 'application/json',
): Promise<Readonly<Record<string, unknown>>> {
  const headers = { authorization: `Bearer ${token}`, accept: 'application/vnd.github+json', 'content-type': type }
  const response = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(300_000) })
  const said = await response.text()
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${said}`)
  return JSON.parse(said) as Readonly<Record<string, unknown>>
}

if (import.meta.main) {
  const [folder = '', version = ''] = process.argv.slice(2)
  const { GH_TOKEN: token, GITHUB_REPOSITORY: name, GITHUB_API_URL: api = 'https://api.github.com' } = process.env
  if (token === undefined || name === undefined) throw new Error('GH_TOKEN and GITHUB_REPOSITORY are not set')
  await uploadRelease(folder, version, { api, name, token })
}
