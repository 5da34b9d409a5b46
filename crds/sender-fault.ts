// What is wrong with a sender whose SPF record a policy uses, in words. The gateways and the operator both say it.

/** What a gateway knows of a sender. */
export interface SenderCondition {
  /** As in /status. */
  readonly state: string
  /** Permitted networks. */
  readonly networks: number
  /** Of the problem; empty: none. */
  readonly reason: string
  /** Of the problem, or of the change that is held. */
  readonly why: string
  /** Why its networks are not permitted, although they are known; empty: they are. */
  readonly leftOut: string
}

/** A DNS failure does not count while the last result is in use. */
const passes = ({ state, reason, networks }: SenderCondition): boolean =>
  state === 'Failing' && networks > 0 && (reason === 'DNSError' || reason === 'PartlyUnread')

const isFine = (sender: SenderCondition): boolean =>
  sender.leftOut === '' && (sender.state === 'Current' || sender.state === 'Waiting' || passes(sender))

/** Undefined: nothing. The words stay the same while the fault lasts. */
export function senderFault(sender: SenderCondition): string | undefined {
  if (isFine(sender)) return undefined
  const { state, reason, why, leftOut, networks } = sender
  if (leftOut !== '') return `nothing is permitted: ${leftOut}`
  const rest = networks > 0 ? 'the last result stays permitted' : 'nothing is permitted'
  switch (state) {
    case 'Held':
      return `a large change waits for a second refresh (${why}); ${rest}`
    case 'NotExpandable':
      return 'nothing is permitted: all terms depend on the message or the client'
    case 'Empty':
      return 'nothing is permitted: the record names no networks'
    case 'Stale':
      return `${reason}: ${why}; not read completely for more than a day; ${rest}`
    default:
      return `${reason}: ${why}; ${rest}`
  }
}
