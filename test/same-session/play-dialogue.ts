// Plays a random dialogue to a server, directly behind a PROXY header or through the gateway, and keeps all that it hears.
import { writeProxyHeader } from '../../gateway/core/proxy-header.ts'
import { closed, Player, timedOut, tlsOk } from '../support/player.ts'
import type { Dialogue } from './random-dialogue.ts'

export interface Line {
  /** The client's address, any of 127.0.0.0/8. */
  readonly from: string
  readonly port: number
  /** Send a PROXY header that names the client, as the gateway does. */
  readonly withHeader: boolean
}

export interface Heard {
  /** Lines before the part that is compared: greeting, replies to MAIL and so on. */
  readonly before: readonly string[]
  /** The rest, one line each, with marks such as `<closed>`. */
  readonly replies: readonly string[]
  /** The server has reset the connection, so what it said last may be lost on the way. */
  readonly wasReset: boolean
}

/** Longer than a busy machine takes for one reply. */
const patience = 60

export async function playDialogue({ moves, repliesBefore }: Dialogue, { from, port, withHeader }: Line): Promise<Heard> {
  const player = await Player.connect({ host: '127.0.0.1', port, from })
  try {
    if (withHeader) {
      const header = writeProxyHeader('V2', { address: from, port: player.port }, { address: '127.0.0.1', port })
      await player.send(Buffer.from(header).toString('latin1'))
    }
    const heard = await player.replies(1, patience)
    for (const move of moves) {
      if (isOver(heard)) break
      heard.push(...(await reading(player, move, heard.at(-1) ?? '')))
    }
    // After QUIT the server closes; a client that did not say it closes itself.
    if (!isOver(heard) && heard.at(-1)?.startsWith('221 ') === true) heard.push(...(await player.end(patience)))
    const end = endOfReplies(heard, repliesBefore)
    return { before: heard.slice(0, end), replies: heard.slice(end), wasReset: player.mayHaveLost }
  } finally {
    await player.close()
  }
}

const isOver = (heard: readonly string[]): boolean => [closed, timedOut].includes(heard.at(-1) ?? '')

/** Where so many replies end, in lines. */
function endOfReplies(heard: readonly string[], count: number): number {
  let replies = 0
  const last = heard.findIndex((line) => !/^\d{3}-/.test(line) && ++replies === count)
  return last < 0 ? heard.length : last + 1
}

async function reading(player: Player, move: Dialogue['moves'][number], last: string): Promise<string[]> {
  switch (move.do) {
    case 'say':
      await player.send(move.text)
      return player.replies(move.replies, patience)
    case 'message':
      if (!last.startsWith('354 ')) return []
      await player.send(move.text)
      return player.replies(1, patience)
    case 'starttls': {
      await player.send('STARTTLS\r\n')
      const answer = await player.replies(1, patience)
      if (answer.at(-1)?.startsWith('220 ') !== true) return answer
      const [result = ''] = await player.tls(patience)
      return [...answer, result, ...(result === tlsOk ? [] : [closed])]
    }
  }
}
