// What every process of the gateway tells of itself: memory and processor time.
import { Counter, Gauge, type Registry } from 'prom-client'

/** Adds both metrics to the registries; several processes of one gateway are summed up. */
export function observeProcess(registers: Registry[]): void {
  const memory: Gauge = new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory.',
    registers,
    collect: () => memory.set(process.memoryUsage.rss()),
  })
  const cpu: Counter = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time.',
    registers,
    collect: () => {
      const { user, system } = process.cpuUsage()
      cpu.reset()
      cpu.inc((user + system) / 1e6)
    },
  })
}
