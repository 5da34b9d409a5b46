// The live page of a gateway with two workers in a real browser, while a scripted crowd arrives.
// Runs first: the crowd waits for its greetings, and the gateway is started twice.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { serveLists } from '../../cli/demo/lists.ts'
import { serveMail } from '../../cli/demo/mail-server.ts'
import { type GatewayProcess, startGatewayProcess } from '../peers/gateway.ts'
import { unless } from '../peers/require.ts'
import { untilHolds } from '../support/until-holds.ts'
import { Browser, type Tab } from './browser.ts'
import { type Visitor, visit } from './crowd.ts'

const skip = unless('loopback', 'chromium')
const hostile = '<img/src=x/onerror=document.title=1>'

const crowd: readonly Visitor[] = [
  { from: '127.81.13.1', is: 'zombie', helo: hostile },
  { from: '127.81.13.2', is: 'zombie' },
  { from: '127.81.13.3', is: 'zombie', sender: `"<script>document.title=1</script>"@example.net` },
  { from: '127.81.14.1', is: 'zombie' },
  { from: '127.81.1.1', is: 'good' },
  { from: '127.81.1.2', is: 'good', helo: hostile },
  { from: '127.0.0.66', is: 'good' },
  { from: '127.0.0.66', is: 'good' },
  { from: '127.0.0.99', is: 'good' },
  { from: '127.0.0.88', is: 'good' },
  { from: '127.81.2.1', is: 'quitter' },
]

const spec = {
  hostname: 'mx.example.test',
  backend: { addresses: ['127.0.0.1:1'], proxyProtocol: 'V1' },
  greet: { action: 'Enforce', wait: '2s' },
  dnsbl: { action: 'Enforce', threshold: 2, sites: [{ domain: 'bl.demo', weight: 2 }] },
  access: [
    { action: 'Permit', cidrs: ['127.0.0.88'] },
    { action: 'Reject', cidrs: ['127.0.0.99'] },
  ],
  denylist: { action: 'Enforce' },
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** `postscreen_sessions_total` by outcome. */
async function outcomesIn(admin: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${admin}/metrics`)).text()
  const found = text.matchAll(/^postscreen_sessions_total\{outcome="(\w+)",mode="enforce"\} (\d+)$/gm)
  return Object.fromEntries([...found].map(([, outcome = '', count]) => [outcome, Number(count)]))
}

const textOf = (selector: string): string => `(document.querySelector(${JSON.stringify(selector)})?.textContent ?? '')`
const numberIn = (step: string): string => textOf(`[data-step=${step}] .num`)
const allOf = (selector: string): string => `[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => one.textContent)`

describe('the live page', { skip }, () => {
  let gateway: GatewayProcess
  let browser: Browser
  let tab: Tab
  let start: () => Promise<GatewayProcess>
  const closing: (() => unknown)[] = []

  before(async () => {
    const [lists, mail, port] = [await serveLists(), await serveMail(() => undefined), await freePort()]
    const data = mkdtempSync(join(tmpdir(), 'live-page-'))
    closing.push(() => rmSync(data, { recursive: true, force: true }))
    closing.push(
      () => lists.close(),
      () => mail.close(),
    )
    const flags = ['--admin', `127.0.0.1:${port}`, '--workers', '2', '--data-dir', data, '--backend', `127.0.0.1:${mail.endpoint.port}`]
    start = () => startGatewayProcess({ spec, flags: [...flags, '--resolver', `127.0.0.1:${lists.endpoint.port}`] })
    gateway = await start()
    browser = await Browser.start()
    tab = await browser.tab({ width: 1440, height: 900 })
    await tab.open(`${gateway.admin}/`)
    await tab.until(`${textOf('#live')} === 'Live'`)
  })
  after(async () => {
    await browser?.close()
    await gateway?.stop()
    for (const close of closing) await close()
  })

  test('says that no client has come, before one has', async () => {
    await tab.until(`${textOf('#sentence')}.startsWith('Ready, but no client has come')`)
    assert.match(await tab.read(textOf('#rows')), /^No client has come yet/)
    assert.match(await tab.read(textOf('#nets')), /^No client was refused today/)
    assert.match(await tab.read('document.title'), /^○ /)
  })

  test('counts each visitor once, as /metrics does, however many workers there are', async () => {
    await Promise.all(crowd.map((visitor) => visit(gateway.port, visitor)))
    // A client that has passed once is known.
    await visit(gateway.port, { from: '127.81.1.1', is: 'good' })
    const expected = { pregreet: 4, dnsbl: 2, accessList: 1, hangup: 1, new: 2, known: 2 }
    await untilHolds('the outcomes of the crowd', async () => {
      const counted = await outcomesIn(gateway.admin)
      return Object.entries(expected).every(([outcome, count]) => counted[outcome] === count)
    })
    await tab.until(`${numberIn('connected')} === '12'`)
    for (const [outcome, count] of Object.entries(await outcomesIn(gateway.admin))) {
      const shown = await tab.read<string>(numberIn(outcome))
      if (outcome !== 'known' && outcome !== 'new') assert.equal(shown.replace('−', '') || '0', String(count), outcome)
    }
    assert.equal(await tab.read(numberIn('handedOn')), '4')
    assert.match(await tab.read(textOf('#reconnect')), /^2 of them were known/)
    await tab.until(`${textOf('#sentence')} === 'All is well: one mail server takes clients, one DNS list answers.'`)
  })

  test('has the crowd in its plot, its networks, its lists and its mail servers', async () => {
    await tab.read(`document.getElementById('plot').focus()`)
    const minutes = new Set<string>()
    await tab.press('End')
    for (let i = 0; i < 5; i++) {
      minutes.add(await tab.read(`document.getElementById('plot').getAttribute('aria-valuetext')`))
      await tab.press('ArrowLeft')
    }
    const early = [...minutes].reduce((sum, text) => sum + Number(/(\d+) Spoke too early/.exec(text)?.[1]), 0)
    assert.equal(early, 4, [...minutes].join(' | '))
    await tab.read(`document.getElementById('plot').blur()`)
    assert.deepEqual(await tab.read(allOf('#nets tr td:nth-child(1)')), ['127.0.0.0/24', '127.81.13.0/24', '127.81.14.0/24'])
    assert.deepEqual(await tab.read(allOf('#nets tr td:nth-child(3)')), ['3', '3', '1'])
    assert.match(await tab.read(textOf('[data-list="bl.demo"]')), /^bl\.demo \+2answers/)
    assert.match(await tab.read(textOf('#mail tbody')), /^127\.0\.0\.1:\d+works/)
    assert.match(await tab.read(textOf('#procinfo')), /^2 workers, 2 ready$/)
    assert.match(await tab.read(textOf('#policy')), /mx, Enforce/)
  })

  test('shows what clients sent as text, in the list and in the story', async () => {
    await tab.until(`${allOf('.row .w')}.length === 12`)
    assert.ok((await tab.read<string[]>(allOf('.row .w'))).some((why) => why.includes(hostile)))
    await tab.read(`[...document.querySelectorAll('.row')].find((row) => row.textContent.includes('onerror')).click()`)
    await tab.until(`${textOf('.story')}.includes('PREGREET')`)
    assert.ok((await tab.read<string>(textOf('.story'))).includes(hostile))
    assert.equal(await tab.read(`document.querySelectorAll('main img, main script').length`), 0)
    assert.doesNotMatch(await tab.read('document.title'), /^1$/)
    await tab.read(`document.querySelector('.row[aria-expanded=true]').click()`)
  })

  test('finds sessions by network, by text and by outcome', async () => {
    const search = async (text: string, rows: number): Promise<string[]> => {
      await tab.read(
        `(() => { const f = document.getElementById('find'); f.value = ${JSON.stringify(text)}; f.dispatchEvent(new Event('input')) })()`,
      )
      await tab.until(`document.querySelectorAll('.row').length === ${rows}`)
      return tab.read(allOf('.row .c'))
    }
    assert.deepEqual((await search('127.81.13.0/24', 3)).toSorted(), ['127.81.13.1', '127.81.13.2', '127.81.13.3'])
    assert.deepEqual(await search('127.81.1.2', 1), ['127.81.1.2'])
    assert.equal((await search('onerror', 1)).length, 1)
    await search('', 12)
    await tab.read(`document.querySelector('[data-kind=hang]').click()`)
    await tab.until(`document.querySelectorAll('.row').length === 1`)
    await tab.read(`document.querySelector('[data-kind=hang]').click()`)
    await tab.until(`document.querySelectorAll('.row').length === 12`)
  })

  test('explains an address', async () => {
    await tab.read(`document.body.focus()`)
    await tab.press('/')
    for (const key of '127.0.0.66') await tab.press(key)
    await tab.press('Enter')
    await tab.until(`document.querySelector('#explain .steps')`)
    assert.match(await tab.read(textOf('#explain h2')), /127\.0\.0\.66 is refused with "550 5\.7\.1/)
    assert.match(await tab.read(textOf('#explain .steps')), /rank 2 of 2/)
    await tab.press('Escape')
  })

  test('fits every width without scrolling sideways, in both themes', async () => {
    for (const theme of ['light', 'dark'] as const) {
      for (const width of [380, 760, 761, 1240, 1241, 1920]) {
        await tab.screen({ width, height: 900, theme })
        await tab.until(`innerWidth === ${width}`)
        const wide = await tab.read<string[]>(
          `[...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && one.closest('svg') === null && getComputedStyle(one).position !== 'absolute' && one.closest('.cut') === null).map((one) => one.className || one.tagName)`,
        )
        assert.deepEqual(wide, [], `${width} pixels, ${theme}`)
      }
    }
    await tab.screen({ width: 1440, height: 900 })
  })

  test('says that the gateway is gone, and follows the next one', async () => {
    await gateway.stop()
    await tab.until(`${textOf('#sentence')}.startsWith('No word from the gateway')`)
    assert.equal(await tab.read(textOf('#live')), 'Reconnecting')
    gateway = await start()
    await tab.until(`${textOf('#live')} === 'Live' && ${numberIn('connected')} === '0'`)
    assert.doesNotMatch(await tab.read('document.body.className'), /s-lost/)
    assert.deepEqual(tab.errors, [])
  })
})
