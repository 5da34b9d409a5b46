// What a piece of work costs: a machine that does something else meanwhile makes it no dearer.

/** Milliseconds of CPU that this thread spends on it. */
export function cpuTimeOf(work: () => void): number {
  const before = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}
