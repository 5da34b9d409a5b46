// The signals that end a program: the first one asks it to stop, the second one ends it at once.

/**
 * Resolves with the first SIGTERM or SIGINT. The second one of either kind ends the process with 128 and the number of
 * the signal, as a shell reports a process that a signal has ended. The handlers stay: the kernel does not deliver a
 * signal to process 1 of a container that has no handler for it (pid_namespaces(7)).
 */
export function stopSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let asked = false
  const stop = (name: NodeJS.Signals, code: number): void => {
    if (asked) process.exit(128 + code)
    asked = true
    resolve(name)
  }
  process.on('SIGTERM', stop).on('SIGINT', stop)
  return promise
}
