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
  /** Replies before the part that is compared: those to MAIL and so on. */
  readonly before: readonly string[]
  /** The rest, one line each, with marks such as `<closed>`. */
  readonly replies: readonly string[]
  /** The server has reset the connection, so what it said last may be lost on the way. */
  readonly wasReset: boolean
}

/** Longer than a busy machine takes for one reply. */
const patience = 60

export async function playDialogue({ moves, comparedFrom }: Dialogue, { from, port, withHeader }: Line): Promise<Heard> {
  const player = await Player.connect({ host: '127.0.0.1', port, from })
  try {
    if (withHeader) {
      const header = writeProxyHeader('V2', { address: from, port: player.port }, { address: '127.0.0.1', port })
      await player.send(Buffer.from(header).toString('latin1'))
    }
    const heard: [before: string[], after: string[]] = [[], []]
    heard[0].push(...(await player.replies(1, patience)))
    for (const [at, move] of moves.entries()) {
      const into = heard[at < comparedFrom ? 0 : 1]
      into.push(...(await reading(player, move)))
      if (into.at(-1) === closed || into.at(-1) === timedOut) break
    }
    // After QUIT the server closes; a client that did not say it closes itself.
    const [before, after] = heard
    const isOver = [closed, timedOut].includes(after.at(-1) ?? '')
    if (!isOver && after.at(-1)?.startsWith('221 ') === true) after.push(...(await player.end(patience)))
    return { before, replies: after, wasReset: player.mayHaveLost }
  } finally {
    await player.close()
  }
}

async function reading(player: Player, move: Dialogue['moves'][number]): Promise<string[]> {
  switch (move.do) {
    case 'say':
      await player.send(move.text)
      return player.replies(move.replies, patience)
    case 'data': {
      await player.send('DATA\r\n')
      const answer = await player.replies(1, patience)
      if (answer.at(-1)?.startsWith('354') !== true) return answer
      await player.send(move.text)
      return [...answer, ...(await player.replies(1, patience))]
    }
    case 'starttls': {
      await player.send('STARTTLS\r\n')
      const answer = await player.replies(1, patience)
      if (answer.at(-1)?.startsWith('220 ') !== true) return answer
      const [result = ''] = await player.tls(patience)
      return [...answer, result, ...(result === tlsOk ? [] : [closed])]
    }
  }
}
