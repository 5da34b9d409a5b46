#!/usr/bin/env node
// The plugin of kubectl: the `postscreen` command under the name that kubectl looks for (cli/command-name.ts).
await import('./postscreen.js')
