// The file that Artifact Hub reads of the repository of charts: charts/artifacthub-repo.yml with what only the publisher
// knows. Prints nothing if the publisher set none of it: such a file would say nothing.
//   RELEASE_ARTIFACT_HUB_ID=… node release/artifact-hub.ts
import { readFileSync } from 'node:fs'
import { dump } from 'js-yaml'

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const owner = /^\s*([^<>,]*[^<>,\s])\s*<([^<>@\s]+@[^<>@\s]+)>\s*$/

/**
 * The file, or undefined without both variables. Throws if RELEASE_ARTIFACT_HUB_ID is not a UUID, or if
 * RELEASE_ARTIFACT_HUB_OWNERS is not a list such as `A Name <a@example.com>, Another <b@example.com>`.
 */
export function artifactHubFile(env: NodeJS.ProcessEnv): string | undefined {
  const { RELEASE_ARTIFACT_HUB_ID: id = '', RELEASE_ARTIFACT_HUB_OWNERS: names = '' } = env
  if (id === '' && names === '') return undefined
  if (id !== '' && !uuid.test(id))
    throw new Error(`RELEASE_ARTIFACT_HUB_ID: "${id}" is not an ID such as 8d2a1c4e-0b7f-4c1d-9e55-3f6f0a1b2c3d`)
  const owners = names === '' ? undefined : names.split(',').map(readOwner)
  const head = readFileSync(new URL('../charts/artifacthub-repo.yml', import.meta.url), 'utf8')
  return head + dump({ ...(id !== '' && { repositoryID: id }), ...(owners && { owners }) }, { lineWidth: -1 })
}

function readOwner(text: string): { readonly name: string; readonly email: string } {
  const [, name, email] = owner.exec(text) ?? []
  if (name === undefined || email === undefined)
    throw new Error(
      `RELEASE_ARTIFACT_HUB_OWNERS: "${text.trim()}" is not an owner such as "A Name <name@example.com>"; a comma separates owners`,
    )
  return { name, email }
}

if (import.meta.main) {
  try {
    process.stdout.write(artifactHubFile(process.env) ?? '')
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    process.exitCode = 1
  }
}
