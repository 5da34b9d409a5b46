// Draws the picture of README: `node test/docs/demo-picture.ts` runs the demo with a scripted crowd and writes docs/images/demo.svg.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { demoOutput } from './demo-crowd.ts'
import { type Run, runsOf, terminalSvg, wrapped } from './terminal-svg.ts'

export const pictureFile = fileURLToPath(new URL('../../docs/images/demo.svg', import.meta.url))

const title = 'npm start: a good client and two bots'
const columns = 118
/** Where the last column of the demo's log begins, after time, client and event. */
const lastColumn = 50

const isLog = (line: string): boolean => runsOf(line).some(({ text }) => /^\d\d:\d\d:\d\d /.test(text))

/** What the picture shows of the demo's output: the first lines, which say where everything is, and the log of the clients. */
function shownLines(output: readonly string[]): readonly (readonly Run[])[] {
  const head = output.filter((line) => line.startsWith('Postscreen for Kubernetes') || line.includes('──▶'))
  const log = output.filter(isLog).flatMap((line) => {
    const runs = runsOf(line)
    const text = runs.map((run) => run.text).join('')
    return wrapped(text, columns, lastColumn).map((one) => [{ text: one, tone: runs[0]?.tone ?? 'plain' }])
  })
  const plain = (text: string): readonly Run[] => [{ text, tone: 'plain' }]
  return [plain('$ npm start'), ...head.map(plain), plain(''), ...log]
}

/** Runs the demo, with the arguments of `postscreen demo`, and returns the picture of its terminal. */
export const demoPicture = async (args: readonly string[]): Promise<string> =>
  terminalSvg(title, shownLines(await demoOutput(args)), columns)

if (import.meta.main) {
  mkdirSync(new URL('.', `file://${pictureFile}`), { recursive: true })
  writeFileSync(pictureFile, await demoPicture([]))
  console.log(`written: ${pictureFile}`)
}
