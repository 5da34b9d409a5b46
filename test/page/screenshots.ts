// Draws the pictures of the live pages for README and docs: `node test/page/screenshots.ts` runs the demo with a crowd for two and a half minutes and
// writes docs/images/live-page-light.png, -dark.png and -phone.png; then operator-page-….png, of a scene. `operator` as an argument draws only these.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Browser, type Screen } from './browser.ts'
import { type Visitor, visit } from './crowd.ts'
import { serveOperatorScene } from './operator-scene.ts'

const entry = fileURLToPath(new URL('../../cli/postscreen.js', import.meta.url))
const images = fileURLToPath(new URL('../../docs/images/', import.meta.url))
const crowdMs = 150_000

/** The demo's lists and access list know some of these addresses. */
const visitors: readonly ((n: number) => Visitor)[] = [
  (n) => ({
    from: `127.0.${[13, 13, 13, 14, 19][n % 5]}.${1 + (n % 200)}`,
    is: 'zombie',
    helo: ['ylmf-pc', 'User', 'win-clj1b0gq6jp'][n % 3] ?? '',
  }),
  (n) => ({ from: `127.0.${[13, 14][n % 2]}.${1 + (n % 90)}`, is: 'zombie', helo: 'localhost' }),
  () => ({ from: '127.0.0.66', is: 'good', helo: 'mail.promo.example', sender: 'news@promo.example' }),
  (n) => ({ from: `127.0.20.${1 + (n % 200)}`, is: 'quitter' }),
  (n) => ({ from: `127.0.5.${1 + (n % 40)}`, is: 'good' }),
  () => ({ from: '127.0.0.88', is: 'good', helo: 'out-21.smtp.example.net' }),
  () => ({ from: '127.0.0.99', is: 'good' }),
  () => ({ from: '127.0.0.77', is: 'good', helo: 'relay.example.gov' }),
]
const order = [0, 4, 1, 2, 0, 3, 5, 0, 2, 4, 1, 7, 0, 6, 3, 4]

async function sendCrowd(port: number): Promise<void> {
  const visits: Promise<void>[] = []
  const end = performance.now() + crowdMs
  for (let n = 0; performance.now() < end; n++) {
    const make = visitors[order[n % order.length] ?? 0]
    if (make !== undefined) visits.push(visit(port, make(n)))
    await sleep(260 + 140 * Math.sin(n / 40))
  }
  await Promise.race([Promise.all(visits), sleep(1000)])
}

async function draw(admin: string): Promise<void> {
  const browser = await Browser.start()
  const take = async (name: string, screen: Screen, hash: string, before: string): Promise<void> => {
    const tab = await browser.tab(screen)
    await tab.open(`${admin}/${hash}`)
    await tab.until(`document.getElementById('live').textContent === 'Live' && document.querySelector('.row')`)
    await tab.read(before)
    await sleep(1500)
    writeFileSync(`${images}live-page-${name}.png`, await tab.screenshot())
    if (tab.errors.length > 0) console.error(tab.errors)
  }
  await take('light', { width: 1440, height: 1080 }, '', '0')
  const isExplained = `new Promise((resolve) => { const look = setInterval(() => { if (document.querySelector('#explain .steps')) { clearInterval(look); scrollTo(0, 0); resolve() } }, 100) })`
  await take('dark', { width: 1440, height: 1080, theme: 'dark' }, '#ask=127.0.0.66', isExplained)
  const opensOne = `[...document.querySelectorAll('.row')].find((row) => row.textContent.includes('Refused'))?.click()`
  await take('phone', { width: 390, height: 844, isPhone: true }, '', `${opensOne}; document.getElementById('p-tail').scrollIntoView()`)
  await browser.close()
}

/** The operator's page, with a scene in place of a cluster. */
async function drawOperator(): Promise<void> {
  const scene = await serveOperatorScene()
  const browser = await Browser.start()
  const take = async (name: string, screen: Screen, before: string): Promise<void> => {
    const tab = await browser.tab(screen)
    await tab.open(`${scene.address}/`)
    await tab.until(`document.getElementById('live').textContent === 'Live' && document.querySelector('.row')`)
    await tab.read(before)
    await sleep(1500)
    writeFileSync(`${images}operator-page-${name}.png`, await tab.screenshot())
    if (tab.errors.length > 0) console.error(tab.errors)
  }
  await take('light', { width: 1440, height: 980 }, '0')
  await take('dark', { width: 1440, height: 980, theme: 'dark' }, `document.querySelector('[data-key="shop/mx"]').click()`)
  await take('phone', { width: 390, height: 844, isPhone: true }, '0')
  await browser.close()
  scene.close()
}

async function main(): Promise<void> {
  await drawOperator()
  if (process.argv[2] === 'operator') return

  const demo = spawn(process.execPath, [entry, 'demo', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const places = { port: 0, admin: '' }
  for await (const line of createInterface({ input: demo.stdout })) {
    places.port ||= Number(/▶ 127\.0\.0\.1:(\d+), the gateway/.exec(line)?.[1] ?? 0)
    places.admin ||= /(http:\/\/\S+)\/ in a browser/.exec(line)?.[1] ?? ''
    if (places.port > 0 && places.admin !== '') break
  }
  demo.stdout.resume()
  const crowd = sendCrowd(places.port)
  await sleep(crowdMs - 60_000)
  await draw(places.admin)
  await crowd
  demo.kill('SIGTERM')
}

if (import.meta.main) await main()
