// A network namespace of the test's own, in which it may cut connections with nftables without anybody else noticing.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'

const mark = 'RELIABILITY_OWN_NETWORK'

/** Whether this process has a network of its own. */
export const hasOwnNetwork = (): boolean => process.env[mark] === '1'

/** Runs a program of Node in a new network that has nothing but a loopback. Needs root. @returns the exit code and what it printed */
export async function runInOwnNetwork(
  args: readonly string[],
  output: 'shown' | 'kept',
): Promise<{ code: number | null; printed: string }> {
  const script = 'ip link set lo up && exec "$@"'
  const namespace = ['--pdeathsig', 'KILL', 'unshare', '--net', 'sh', '-c', script, 'sh', process.execPath, ...args]
  const child = spawn('setpriv', namespace, {
    env: { ...process.env, [mark]: '1', NODE_TEST_CONTEXT: '' },
    stdio: ['ignore', output === 'shown' ? 'inherit' : 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, printed }
}

/** Packets to and from a TCP port vanish from now on, on standing connections too: what a cut cable, or a node that is gone, looks like. */
export function partition(port: number): void {
  const rules = `table inet fault {
  chain input {
    type filter hook input priority 0
    tcp dport ${port} drop
    tcp sport ${port} drop
  }
}
`
  nft(rules)
}

/** Ends it. */
export function heal(): void {
  nft('delete table inet fault\n')
}

function nft(rules: string): void {
  if (!hasOwnNetwork()) throw new Error('nftables rules are for a network of our own')
  execFileSync('nft', ['-f', '-'], { input: rules })
}
