#!/usr/bin/env node
// The `postscreen` command. It is plain JavaScript so that an older Node.js can read it and print a clear message.
const needed = [24, 21]
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major > needed[0] || (major === needed[0] && minor >= needed[1])) {
  const { keepCompiledCode } = await import('./compile-cache.ts')
  keepCompiledCode()
  await import('./main.ts')
} else {
  console.error(`postscreen needs Node.js ${needed.join('.')} or later; this is ${process.version} (${process.execPath}).`)
  console.error('On Linux, npm installs the right version. In the checkout:')
  console.error('  npm ci')
  console.error('  npm run -s postscreen -- --help      (npm start for the demo)')
  console.error('On other systems, install it from https://nodejs.org.')
  process.exitCode = 1
}
