// Keeps the processors awake while waits are measured.
//
// An idle processor of a virtual machine needs 0.3 ms and more to wake up, at each hop from one process to the next. A
// gateway has one hop more than a direct connection, so on an otherwise idle machine this delay would be measured, and
// not the gateway. A loop with the policy SCHED_IDLE (sched(7)) keeps each processor awake, and takes no time from any
// other process.
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** @returns lets the processors sleep again */
export function keepProcessorsAwake(): () => void {
  const loops = Array.from({ length: availableParallelism() }, () =>
    spawn('setpriv', ['--pdeathsig', 'KILL', 'chrt', '--idle', '0', 'sh', '-c', 'while :; do :; done'], { stdio: 'ignore' }),
  )
  return () => {
    for (const loop of loops) loop.kill('SIGKILL')
  }
}
