// A client whose connection has been accepted and is paused, as the caller of a hand-off has it, and the two ends that its PROXY header names.
import type { TestContext } from 'node:test'
import { NodeSocket } from '../../../gateway/sockets/node-socket.ts'
import { dial, type End, listen } from '../../support/tcp-ends.ts'

export const endpoints = {
  clientEndpoint: { address: '192.0.2.7', port: 4711 },
  serverEndpoint: { address: '198.51.100.25', port: 25 },
}

/** Bytes of the PROXY header, version 2, that names these two. */
export const headerLength = 28

export interface PausedClient {
  /** The client's end. */
  readonly client: End
  /** Our side of its connection. */
  readonly accepted: NodeSocket
}

/** Lets a client come. Its connection ends with the test. */
export async function pausedClient(t: TestContext): Promise<PausedClient> {
  const accepted = Promise.withResolvers<NodeSocket>()
  const listener = await listen((socket) => accepted.resolve(new NodeSocket(socket.pause())))
  const client = await dial(listener.port)
  t.after(async () => {
    client.socket.destroy()
    await listener.close()
  })
  return { client, accepted: await accepted.promise }
}
