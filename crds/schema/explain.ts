// The field of what gateways remember of past sessions, for `postscreen explain`.
import { count, group } from './field.ts'

export const explain = group(
  {
    recentSessions: count(
      1000,
      { min: 0, max: 100_000 },
      {
        doc: 'The number of recent sessions that a gateway keeps in memory, so that "postscreen explain" can show what happened to a client. They contain the addresses of clients, senders and recipients. Each takes about 1 KB, and never more than 8 KB. 0: none are kept.',
        unit: 'sessions',
        differs: 'postscreen keeps none.',
      },
    ),
  },
  { doc: 'What the gateways remember for "postscreen explain".' },
)
