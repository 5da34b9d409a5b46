// The lines of a gateway's JSON log that a session always has, read without JSON.parse, which would make objects of all
// their fields. Anything else is left to JSON.parse.
import { canonicalAddress } from '../../crds/values/address.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { testNames } from '../../gateway/core/vocabulary.ts'
import type { LogItem } from './log-item.ts'

const head =
  /^\{"level":"info","time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:)(\d\d)\.(\d{3})Z"(?:,"worker":(?:0|[1-9]\d{0,5}))?,"session":"([\w-]{1,64})","event":"([A-Z ]{1,20})","client":\{"address":"([\da-f.:]{2,45})","port":(0|[1-9]\d{0,4})\}/
// Each behind the head, to the end of the line.
const connect = /,"server":\{"address":"([\da-f.:]{2,45})","port":(0|[1-9]\d{0,4})\},"msg":"[^"\\]*"\}$/y
const pass = /,"tests":\[((?:"[A-Za-z]{1,20}"(?:,"[A-Za-z]{1,20}"){0,4})?)\](?:,"remembered":"([\d;]{1,200})")?,"msg":"[^"\\]*"\}$/y
const disconnect = /,"msg":"[^"\\]*"\}$/y
const relay = /(?:,"[A-Za-z]{1,30}":(?:"[^"\\]*"|(?:0|[1-9]\d{0,15})(?:\.\d{1,3})?)){0,20}\}$/y

/** Undefined for a line that is not of this form. @param origin the machine or pod that wrote it */
export function readOwnLine(line: string, origin: string): LogItem | undefined {
  const groups = head.exec(line)
  if (groups === null) return undefined
  const [{ length }, minute, second, ms, session = '', event = '', address = '', port] = groups
  const time = timeOf(minute ?? '', Number(second) * 1000 + Number(ms))
  const client = endpointOf(address, port)
  if (client === undefined || time === undefined) return undefined
  switch (event) {
    case 'CONNECT': {
      const [whole, from = '', serverPort] = behind(connect, line, length) ?? []
      const server = endpointOf(from, serverPort)
      if (whole === undefined || server === undefined) return undefined
      return { time, origin, is: 'session', session, record: { event, client, server } }
    }
    case 'PASS NEW':
    case 'PASS OLD': {
      const [whole, names, remembered] = behind(pass, line, length) ?? []
      if (whole === undefined) return undefined
      const tests = names === '' ? [] : testNames.filter((name) => whole.includes(`"${name}"`))
      return {
        time,
        origin,
        is: 'session',
        session,
        record: { event, client, tests, ...(remembered !== undefined && { remembered: copyOf(remembered) }) },
      }
    }
    case 'DISCONNECT':
      return behind(disconnect, line, length) && { time, origin, is: 'session', session, record: { event, client } }
    case 'HANDED OFF':
    case 'RELAY ENDED':
      return behind(relay, line, length) && { time, origin, is: 'relay', session, event }
    default:
      return undefined
  }
}

/** A part of a text keeps the whole text in memory, which is a large piece of the log. */
const copyOf = (part: string): string => Buffer.from(part, 'latin1').toString('latin1')

function behind(form: RegExp, line: string, at: number): RegExpExecArray | undefined {
  form.lastIndex = at
  return form.exec(line) ?? undefined
}

function endpointOf(text: string, port: string | undefined): Endpoint | undefined {
  const address = canonicalAddress(text)
  return address === undefined ? undefined : { address, port: Number(port) }
}

let lastMinute = ''
let lastMinuteAt = Number.NaN

/** Most lines are of the minute of the line before. */
function timeOf(minute: string, ms: number): number | undefined {
  if (minute !== lastMinute) {
    lastMinute = minute
    lastMinuteAt = Date.parse(`${minute}00.000Z`)
  }
  return Number.isNaN(lastMinuteAt) || ms >= 60_000 ? undefined : lastMinuteAt + ms
}
