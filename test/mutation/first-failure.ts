// A reporter for `node --test` that ends the tests at the first failure: one is enough to notice a mutant. At the end it tells the CPU seconds.
import type { TestEvent } from 'node:test/reporters'

/** Status 1: noticed, by the test that is named. */
async function* firstFailure(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    if (type !== 'test:fail' || data.todo !== undefined) continue
    process.stdout.write(`noticed by ${data.name}\n`, () => process.exit(1))
    return
  }
  const { user, system } = process.cpuUsage()
  yield `cpu ${(user + system) / 1e6}\n`
}

// oxlint-disable-next-line import/no-default-export -- a reporter is what its module exports by default
export { firstFailure as default }
