// `npm run build -- FOLDER`: writes what the image contains into FOLDER. A pod loads fewer and smaller files than a
// checkout, so it starts faster and needs less memory. The Dockerfile calls the parts.
import { bundle } from './bundle.ts'
import { copyPackages } from './packages.ts'

/** @param folder is created; existing files of the same names are replaced */
export async function build(folder: string): Promise<void> {
  await bundle(folder)
  copyPackages(folder)
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2)
  if (folder === undefined) throw new Error('expected a folder: npm run build -- FOLDER')
  await build(folder)
}
