// Node with a listening socket and nothing else, for the case `idle`. It is JavaScript, because TypeScript takes time and memory to load.
import { createServer } from 'node:net'

const server = createServer().listen(0, '127.0.0.1', () => process.send?.(server.address().port))
process.on('disconnect', () => process.exit())
