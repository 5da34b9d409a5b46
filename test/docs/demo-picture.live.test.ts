// The picture in README is what the demo prints today: the command that draws it works, and its lines are those of docs/images/demo.svg.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { demoPicture, pictureFile } from './demo-picture.ts'
import { textOfSvg } from './terminal-svg.ts'

const skip = process.platform === 'linux' ? false : 'only Linux lets a client use any 127.0.0.0/8 address'

/** The words of the picture without what changes from run to run: times, ports, and which of two clients comes first. */
const shape = (svg: string): readonly string[] =>
  textOfSvg(svg)
    .join(' ')
    .replaceAll(/ +/g, ' ')
    .split(/(?=\d\d:\d\d:\d\d )/)
    .map((line) =>
      line
        .replace(/^\d\d:\d\d:\d\d /, 'TIME ')
        .replaceAll(/(127\.0\.0\.\d+):\d+/g, '$1:PORT')
        .replaceAll(/after [\d.]+ s/g, 'after SECONDS s')
        .trim(),
    )
    .toSorted()

test('the picture of the demo shows what the demo prints', { skip }, async () => {
  const drawn = await demoPicture(['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'])
  const committed = readFileSync(pictureFile, 'utf8')
  assert.deepEqual(shape(committed), shape(drawn), 'draw it again: node test/docs/demo-picture.ts')
  assert.ok(shape(drawn).length > 10)
})
