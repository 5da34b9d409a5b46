// Loaded before the command by a test: a bug, at the time that the test chooses.
process.on('SIGUSR2', () => {
  throw new Error('a bug of the test')
})
