// The field of what the admin server of a gateway shows.
import { flag, group } from './field.ts'

export const admin = group(
  {
    showEnvelopes: flag(true, {
      doc: 'Whether the live page and "postscreen explain" show what clients said: HELO names, senders, recipients, and the commands of failed tests. Set it to false if people who may open the page must not see them. The log is not affected.',
      differs: 'postscreen has no such page.',
    }),
  },
  { doc: 'The admin server of a gateway, with its live page, status and metrics.' },
)
