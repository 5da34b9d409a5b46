// The crowd whose numbers the panels must show.
import type { Visitor } from '../page/crowd.ts'

export const crowd: readonly Visitor[] = [
  { from: '127.82.13.1', is: 'zombie' },
  { from: '127.82.13.2', is: 'zombie' },
  { from: '127.82.13.3', is: 'zombie' },
  { from: '127.82.14.1', is: 'zombie' },
  { from: '127.82.1.1', is: 'good' },
  { from: '127.82.1.2', is: 'good' },
  // On the DNS list of the demo.
  { from: '127.0.0.66', is: 'good' },
  { from: '127.0.0.66', is: 'good' },
  // Rejected and permitted by the access list.
  { from: '127.0.0.99', is: 'good' },
  { from: '127.0.0.88', is: 'good' },
  { from: '127.82.2.1', is: 'quitter' },
]

/** Those that were asked to come back do so. */
export const returning: readonly Visitor[] = crowd.filter(({ from }) => from.startsWith('127.82.1.'))
