// Metrics of every process: memory, processor time, open files and the time of its start.
import { openFiles, openFilesLimit } from './open-files.ts'
import { Counter, Gauge, type Registry } from 'prom-client'

/**
 * Adds the metrics to the registries, by the names that prom-client and other Prometheus libraries use. Several
 * processes of one gateway are summed up, but for open files: their limit holds for each process, so that the fullest
 * one and the smallest limit count. The start is that of the oldest process: the primary, which starts the others.
 */
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
  const startedAt: Gauge = new Gauge({
    name: 'process_start_time_seconds',
    help: 'When the process started, in seconds since 1970.',
    aggregator: 'min',
    registers,
    collect: () => startedAt.set(performance.timeOrigin / 1000),
  })
  const files = (name: string, help: string, aggregator: 'max' | 'min', read: () => number | undefined): void => {
    if (read() === undefined) return
    const made: Gauge = new Gauge({ name, help, aggregator, registers, collect: () => made.set(read() ?? 0) })
  }
  files('process_open_fds', 'Open file descriptors.', 'max', openFiles)
  files('process_max_fds', 'How many there may be.', 'min', openFilesLimit)
}
