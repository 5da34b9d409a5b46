// Undocumented in Node: the events `secure` and `_tlsError` of a TLSSocket that no tls.Server created
// (TLSSocket._finishInit, _tlsError in _tls_wrap.js).
//
// Without them: a handshake would never count as complete, so the time limit of the handshake ends the connection;
// after the handshake an invalid record would be reported by nothing, so the limits of the SMTP session end it.
import type { TLSSocket } from 'node:tls'
import type { TlsEvents } from '../sockets/tcp-socket.ts'

/** Reports the end of the handshake, and errors during and after it. */
export function listenToTls(socket: TLSSocket, events: TlsEvents): void {
  socket.once('secure', () => {
    const { name, version } = socket.getCipher()
    events.onSecure(socket.getProtocol() ?? version, name)
  })
  const onError = (error: unknown): void => events.onError(error)
  socket.on('error', onError)
  // After the handshake, where there is no tls.Server, this is the only event.
  socket.on('_tlsError', onError)
  socket.once('close', () => events.onClose())
}
