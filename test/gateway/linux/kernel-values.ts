// Constants and layouts of C, as the headers of each architecture define them. The values are recorded in
// kernel-values.json, so that tests need no compiler. To record them again (Debian; about 300 MB of packages):
//
//   apt-get install gcc libc6-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
//   node test/gateway/linux/kernel-values.ts
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as libc from '../../../gateway/linux/libc.ts'

export type Values = Readonly<Record<string, number>>
export const architectures = ['x64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

const file = fileURLToPath(new URL('kernel-values.json', import.meta.url))
const host: Architecture = process.arch === 'arm64' ? 'arm64' : 'x64'
const names = { x64: 'x86_64', arm64: 'aarch64' } as const

/** Every constant of the C library that the program uses. Those of libuv are not in its headers. */
export const constants: Values = Object.fromEntries(
  Object.entries<unknown>(libc).flatMap(([name, value]) =>
    /^(?!UV_)[A-Z]/.test(name) && typeof value === 'number' ? [[name, value]] : [],
  ),
)

/** Structures with the fields that the program reads or writes. */
const structures: Readonly<Record<string, readonly string[]>> = {
  'struct epoll_event': ['events', 'data'],
  'struct sockaddr_in': ['sin_family', 'sin_port', 'sin_addr'],
  'struct sockaddr_in6': ['sin6_family', 'sin6_port', 'sin6_addr', 'sin6_scope_id'],
  'struct iovec': ['iov_base', 'iov_len'],
  'struct mmsghdr': ['msg_hdr.msg_name', 'msg_hdr.msg_namelen', 'msg_hdr.msg_iov', 'msg_hdr.msg_iovlen', 'msg_len'],
  'struct linger': ['l_onoff', 'l_linger'],
}
const sized = ['socklen_t', 'sa_family_t', ...Object.keys(structures)]

/** The C library's headers, and of the structures that they define the kernel's own. */
const headers = ['sys/socket.h', 'netinet/in.h', 'netinet/tcp.h', 'sys/epoll.h', 'sys/uio.h', 'fcntl.h', 'errno.h']
const kernelHeaders = ['linux/in.h', 'linux/in6.h', 'linux/eventpoll.h', 'linux/uio.h']
const kernelStructures = ['struct epoll_event', 'struct sockaddr_in', 'struct sockaddr_in6', 'struct iovec']

function program(included: readonly string[], lines: readonly string[]): string {
  const includes = ['stdio.h', 'stddef.h', ...included].map((name) => `#include <${name}>\n`).join('')
  return `#define _GNU_SOURCE\n${includes}int main(void) {\n${lines.join('\n')}\n}\n`
}

const print = (name: string, expression: string): string => `  printf("%s %lld\\n", "${name}", (long long)(${expression}));`
const layoutOf = (structure: string, prefix = ''): string[] =>
  (structures[structure] ?? []).map((field) => print(`${prefix}${structure}.${field}`, `offsetof(${structure}, ${field})`))

const programs = [
  program(headers, [
    ...Object.keys(constants).map((name) => print(name, name)),
    print('O_NONBLOCK', 'O_NONBLOCK'),
    ...sized.map((type) => print(`sizeof ${type}`, `sizeof(${type})`)),
    ...Object.keys(structures).flatMap((structure) => layoutOf(structure)),
  ]),
  program(
    kernelHeaders,
    kernelStructures.flatMap((structure) => [
      print(`kernel sizeof ${structure}`, `sizeof(${structure})`),
      ...layoutOf(structure, 'kernel '),
    ]),
  ),
]

/** The compiler for an architecture, and what runs its programs; undefined if they are not installed. */
function tools(architecture: Architecture): { readonly compiler: string; readonly runner: readonly string[] } | undefined {
  const name = names[architecture]
  const compiler = `/usr/bin/${name}-linux-gnu-gcc`
  const emulator = `/usr/bin/qemu-${name}-static`
  const runner = architecture === host ? [] : [emulator]
  return existsSync(compiler) && runner.every((path) => existsSync(path)) ? { compiler, runner } : undefined
}

/** What the headers of an architecture say; undefined if its compiler is not installed. */
export function askCompiler(architecture: Architecture): Values | undefined {
  const found = tools(architecture)
  if (found === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'kernel-values-'))
  try {
    const printed = programs.map((source, index) => {
      const [sourceFile, binary] = [join(folder, `${index}.c`), join(folder, `${index}`)]
      writeFileSync(sourceFile, source)
      execFileSync(found.compiler, ['-static', '-o', binary, sourceFile])
      const [command, ...args] = [...found.runner, binary]
      return execFileSync(command, args, { encoding: 'latin1' })
    })
    const lines = printed.join('').trimEnd().split('\n')
    return Object.fromEntries(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export const readRecorded = (): Readonly<Record<Architecture, Values>> =>
  JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<Architecture, Values>>

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const values = Object.fromEntries(architectures.map((architecture) => [architecture, askCompiler(architecture)]))
  for (const [architecture, found] of Object.entries(values)) if (found === undefined) throw new Error(`no compiler for ${architecture}`)
  writeFileSync(file, `${JSON.stringify(values, undefined, 2)}\n`)
}
