#!/usr/bin/env node
// The `postscreen` command. Plain JavaScript on purpose: any Node can read it, so that one that is too old for the TypeScript behind it says so in words.
const needed = [24, 21]
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major > needed[0] || (major === needed[0] && minor >= needed[1])) {
  await import('./main.ts')
} else {
  console.error(`postscreen needs Node ${needed.join('.')} or later; this is ${process.version} (${process.execPath}).`)
  console.error('On Linux npm brings the right one. In the checkout:')
  console.error('  npm ci')
  console.error('  npm run -s postscreen -- --help      (npm start for the demo)')
  console.error('Elsewhere install it from https://nodejs.org.')
  process.exitCode = 1
}
