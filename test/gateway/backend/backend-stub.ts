// A backend for tests, on a free port of 127.0.0.1, that does with every connection as it is told, and what it gets behind the PROXY header.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { headerLength } from '../smtp/paused-client.ts'
import { type End, endOf, type Listener, listen } from '../../support/tcp-ends.ts'

export interface Backend extends Listener {
  readonly calls: End[]
  /** The next connection that has not been asked for. */
  next(): Promise<End>
}

/** A backend; `act` is what it does with each connection. */
export async function backend(t: TestContext, act: (end: End) => void): Promise<Backend> {
  const calls: End[] = []
  let taken = 0
  let wake = (): void => undefined
  const listener = await listen((socket) => {
    const end = endOf(socket)
    calls.push(end)
    act(end)
    wake()
  })
  t.after(() => listener.close())
  const next = async (): Promise<End> => {
    const arrived = new Promise<void>((done) => {
      wake = done
    })
    if (calls.length === taken) await arrived
    return calls[taken++] as End
  }
  return { ...listener, calls, next }
}

/** What a backend says to each client. */
export const saying = (text: string) => {
  return ({ socket }: End): void => void socket.write(text, 'latin1')
}

/** The client's bytes as the backend got them. */
export const behindHeader = (end: End): string => end.text().slice(headerLength)

/** Waits until the backend has got these bytes of the client and no others. */
export async function untilBehindHeader(end: End, text: string): Promise<void> {
  await end.until((all) => all.slice(headerLength) === text)
  assert.equal(behindHeader(end), text)
}
