// The constants and layouts of gateway/linux are those of C, on both architectures: compared with recorded values, and
// those with the headers where a compiler is installed (kernel-values.ts says how to record them again).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { epollLayout } from '../../../gateway/linux/libc.ts'
import { messageLayout } from '../../../gateway/linux/message-batch.ts'
import { sockaddrLength, writeSocketAddress } from '../../../gateway/linux/socket-address.ts'
import { architectures, askCompiler, constants, readRecorded } from './kernel-values.ts'

const recorded = readRecorded()

/** Where `writeSocketAddress` puts the parts of an address. */
function placesOf(address: string, part: Buffer): { readonly port: number; readonly address: number; readonly scope: number } {
  const bytes = Buffer.alloc(sockaddrLength)
  writeSocketAddress(bytes, { address, port: 0xabcd }, 0x01020304)
  return {
    port: bytes.indexOf(Buffer.from([0xab, 0xcd])),
    address: bytes.indexOf(part),
    scope: bytes.indexOf(Buffer.from([4, 3, 2, 1])),
  }
}

for (const architecture of architectures) {
  const values = recorded[architecture]
  describe(`the interface of the kernel on ${architecture}`, () => {
    test('has these constants', () => {
      assert.ok(Object.keys(constants).length >= 30)
      assert.deepEqual(Object.fromEntries(Object.keys(constants).map((name) => [name, values[name]])), constants)
      assert.equal(values['O_NONBLOCK'], constants['SOCK_NONBLOCK'])
    })

    test('has this struct epoll_event', () => {
      const { words, data } = epollLayout(architecture)
      assert.deepEqual(
        [words * 4, 0, data * 4],
        [values['sizeof struct epoll_event'], values['struct epoll_event.events'], values['struct epoll_event.data']],
      )
    })

    test('has these structures for messages', () => {
      assert.deepEqual(messageLayout, {
        iovecBytes: values['sizeof struct iovec'],
        iovecLengthAt: values['struct iovec.iov_len'],
        headerBytes: values['sizeof struct mmsghdr'],
        nameAt: values['struct mmsghdr.msg_hdr.msg_name'],
        nameLengthAt: values['struct mmsghdr.msg_hdr.msg_namelen'],
        iovecAt: values['struct mmsghdr.msg_hdr.msg_iov'],
        iovecCountAt: values['struct mmsghdr.msg_hdr.msg_iovlen'],
        lengthAt: values['struct mmsghdr.msg_len'],
      })
      assert.equal(values['struct iovec.iov_base'], 0)
    })

    test('has these socket addresses', () => {
      const four = placesOf('192.0.2.1', Buffer.from([192, 0, 2, 1]))
      assert.deepEqual([four.port, four.address], [values['struct sockaddr_in.sin_port'], values['struct sockaddr_in.sin_addr']])
      const six = placesOf('2001:db8::1', Buffer.from([0x20, 1, 0x0d, 0xb8]))
      const { 'struct sockaddr_in6.sin6_port': port, 'struct sockaddr_in6.sin6_addr': address } = values
      assert.deepEqual(six, { port, address, scope: values['struct sockaddr_in6.sin6_scope_id'] })
      assert.equal(sockaddrLength, values['sizeof struct sockaddr_in6'])
      assert.deepEqual([values['sizeof socklen_t'], values['sizeof sa_family_t'], values['sizeof struct linger']], [4, 2, 8])
      assert.deepEqual([values['struct linger.l_onoff'], values['struct linger.l_linger']], [0, 4])
    })

    test('is the same in the headers of the kernel as in those of the C library', () => {
      const own = Object.keys(values).filter((name) => name.startsWith('kernel '))
      assert.ok(own.length >= 15)
      for (const name of own) assert.equal(values[name], values[name.slice('kernel '.length)], name)
    })

    test('is recorded as the compiler sees it', (t) => {
      const asked = askCompiler(architecture)
      if (asked === undefined) t.skip('its compiler is not installed')
      else assert.deepEqual(asked, values)
    })
  })
}
