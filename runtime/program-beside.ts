// Finds a file that runs as a process or thread of its own.
import { extname } from 'node:path'

/**
 * @param starter import.meta.url of the file that starts it. The other file is in the same folder, in a checkout
 * (`.ts`) as well as in the image (`.js`)
 * @param name without the extension; release/bundle.ts lists it too
 */
export const programBeside = (starter: string, name: string): URL => new URL(`${name}${extname(starter)}`, starter)
