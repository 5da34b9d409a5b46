// The first minute of a newcomer: start the demo, open the page that it names, type its line of a zombie, and see the zombie refused.
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { unless } from '../peers/require.ts'
import { Browser, type Tab } from './browser.ts'

const entry = fileURLToPath(new URL('../../cli/postscreen.js', import.meta.url))

describe('the demo', { skip: unless('loopback', 'chromium', 'nc') }, () => {
  let demo: ChildProcess
  let browser: Browser
  let tab: Tab
  const printed = { page: '', zombie: '' }

  before(async () => {
    demo = spawn(process.execPath, [entry, 'demo', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    assert.ok(demo.stdout !== null)
    const lines = createInterface({ input: demo.stdout })
    for await (const line of lines) {
      printed.page ||= /(http:\/\/\S+) in a browser/.exec(line)?.[1] ?? ''
      printed.zombie ||= /^ +(printf .*\| nc .*)$/.exec(line)?.[1] ?? ''
      if (printed.page !== '' && printed.zombie !== '') break
    }
    demo.stdout.resume()
    browser = await Browser.start()
    tab = await browser.tab({ width: 1440, height: 900 })
  })
  after(async () => {
    demo?.kill('SIGTERM')
    await browser?.close()
  })

  test('prints a page and a line of a zombie; the page shows the zombie refused', async () => {
    await tab.open(printed.page)
    await tab.until(`document.getElementById('live').textContent === 'Live'`)
    await new Promise((resolve) => execFile('/bin/sh', ['-c', printed.zombie], resolve))
    await tab.until(`document.querySelector('.row')`)
    const row = await tab.read<string>(`document.querySelector('.row').textContent`)
    assert.match(row, /127\.0\.0\.13/)
    assert.match(row, /Refused/)
    assert.equal(await tab.read(`document.querySelector('[data-step=pregreet] .num').textContent`), '−1')
    assert.deepEqual(tab.errors, [])
  })
})
