// What Node itself costs: servers that do nothing but what any server in our place would have to. No goal is against them; they show what is left to win.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { writeProxyHeader } from '../../gateway/core/proxy-header.ts'
import { socketEndpoints } from '../../gateway/sockets/node-socket.ts'
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import { type ForkedServer, forkServer } from './forked.ts'

const program = fileURLToPath(import.meta.url)

/** Greets with half a line, and drops each client that talks. It has no log, no policy and no count of clients. */
export const bareDrop = (): Promise<ForkedServer> => forkServer(program, ['drop'], gatewayFlags)

/** Connects, sends the PROXY header, and copies streams both ways. */
export const barePipe = (backendPort: number): Promise<ForkedServer> => forkServer(program, ['pipe', String(backendPort)], gatewayFlags)

/** Listens, and has loaded nothing of ours. */
export const bareListener = (): Promise<ForkedServer> =>
  forkServer(fileURLToPath(new URL('bare-listener.js', import.meta.url)), [], gatewayFlags)

function drop(client: Socket): void {
  client.write('220-mx.example ESMTP\r\n', 'latin1')
  client.on('error', () => undefined).once('data', () => client.end('521 5.5.1 Protocol error\r\n', 'latin1'))
}

function pipe(client: Socket, port: number): void {
  const ends = socketEndpoints(client)
  if (ends === undefined) return
  const backend = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
  backend.write(writeProxyHeader('V2', ends.client, ends.server))
  client.on('error', () => backend.destroy()).pipe(backend)
  backend.on('error', () => client.destroy()).pipe(client)
}

const [, file, role, backendPort] = process.argv
if (file === program && (role === 'drop' || role === 'pipe')) {
  const accept = role === 'drop' ? drop : (client: Socket): void => pipe(client, Number(backendPort))
  const server = createServer({ allowHalfOpen: true, noDelay: role === 'pipe' }, accept)
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
  await once(server, 'listening')
  process.on('disconnect', () => process.exit())
  process.send?.((server.address() as AddressInfo).port)
}
