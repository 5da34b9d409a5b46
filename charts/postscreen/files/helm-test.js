// What `helm test` runs in a pod: the operator says that it is ready, and the gateways of the policy greet.
import { connect } from 'node:net'

const { OPERATOR, GATEWAY } = process.env

/** Until it works, as Services take a moment after an upgrade; helm's --timeout ends it. */
async function until(what, check) {
  for (let last = ''; ; ) {
    try {
      console.log(`${what}: ${await check()}`)
      return
    } catch (error) {
      const text = error.cause?.message ?? error.message
      if (text !== last) console.log(`${what}: not yet: ${(last = text)}`)
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  }
}

async function ready() {
  const { ok, status } = await fetch(`http://${OPERATOR}/readyz`, { signal: AbortSignal.timeout(10_000) })
  if (!ok) throw new Error(`${OPERATOR} answers ${status}`)
  return 'ready'
}

function greeting() {
  const [host, port] = GATEWAY.split(' ')
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), timeout: 20_000 })
    socket.once('data', (bytes) => {
      socket.end('QUIT\r\n')
      const [line] = bytes.toString('latin1').split('\r\n')
      if (line.startsWith('220')) resolve(line)
      else reject(new Error(line))
    })
    socket.once('timeout', () => socket.destroy(new Error(`${host} says nothing`)))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error(`${host} hung up`)))
  })
}

if (OPERATOR) await until('operator', ready)
if (GATEWAY) await until('gateway', greeting)
