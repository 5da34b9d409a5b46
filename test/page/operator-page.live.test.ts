// The live page of the operator in a real browser: what it shows of policies and gateways, compared with the objects.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { KubeObject } from '../../operator/kube/object.ts'
import { unless } from '../peers/require.ts'
import { Browser, type Tab } from './browser.ts'
import { type OperatorScene, serveOperatorScene } from './operator-scene.ts'

const skip = unless('loopback', 'chromium')
const hostile = '<img/src=x/onerror=document.title=1>'

const textOf = (selector: string): string => `(document.querySelector(${JSON.stringify(selector)})?.textContent ?? '')`
const allOf = (selector: string): string => `[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => one.textContent)`
const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`

describe("the operator's page", { skip }, () => {
  let scene: OperatorScene
  let browser: Browser
  let tab: Tab

  before(async () => {
    scene = await serveOperatorScene()
    browser = await Browser.start()
    tab = await browser.tab({ width: 1440, height: 900 })
    await tab.open(`${scene.address}/`)
    await tab.until(`${textOf('#live')} === 'Live'`)
  })
  after(async () => {
    await browser?.close()
    scene?.close()
  })

  test('has a line for each policy, in the order of their names, with what needs attention', async () => {
    const keys = scene.policies.map(keyOf).toSorted()
    assert.deepEqual(await tab.read(allOf('#pols .n')), keys)
    assert.match(await tab.read(textOf('[data-key="shop/mx"]')), /✗?Unreachable.*ECONNREFUSED/)
    assert.match(await tab.read(textOf('[data-key="mail/mx"]')), /Ready/)
    assert.match(await tab.read(textOf('#sentence')), /^\w+ of \w+ policies needs? attention/)
    assert.match(await tab.read(textOf('#todo')), /shop\/mx: .*kubectl -n shop get endpointslices/)
    assert.match(await tab.read('document.title'), /^■ /)
  })

  test('adds up the sessions of all gateways', async () => {
    const state = (await (await fetch(`${scene.address}/live`)).json()) as {
      hour: { minutes: number[][] }
      policies: { namespace: string; name: string; hour?: number[][] }[]
    }
    const total = state.hour.minutes.at(-2)?.reduce((sum, count) => sum + count, 0) ?? 0
    assert.ok(total > 0)
    await tab.until(`${textOf('#permin')} === ${JSON.stringify(String(total))}`)
    const one = state.policies.find(({ hour }) => hour !== undefined)
    const cell = `document.querySelector('[data-key="${one?.namespace}/${one?.name}"] .s').textContent`
    assert.equal(await tab.read(cell), String(one?.hour?.at(-2)?.[2]))
  })

  test('opens a policy to its conditions, its gateways and what to do', async () => {
    await tab.read(`document.querySelector('[data-key="shop/mx"]').click()`)
    await tab.until(`document.querySelector('.open')`)
    const story = await tab.read<string>(textOf('.open'))
    for (const type of ['Ready', 'Accepted', 'BackendReachable', 'Stalled']) assert.ok(story.includes(type), type)
    assert.match(story, /kubectl -n shop describe postscreenpolicy mx/)
    assert.match(story, /mx-gateway-/)
    await tab.read(`document.querySelector('[data-key="shop/mx"]').click()`)
    await tab.until(`document.querySelector('.open') === null`)
  })

  test('filters by text, and shows only those that need attention', async () => {
    const filter = (text: string): Promise<unknown> =>
      tab.read(
        `(() => { const f = document.getElementById('find'); f.value = ${JSON.stringify(text)}; f.dispatchEvent(new Event('input')) })()`,
      )
    await filter('ECONNREFUSED')
    assert.deepEqual(await tab.read(allOf('#pols .n')), ['shop/mx'])
    await filter('')
    await tab.read(`document.getElementById('only').click()`)
    const troubled = await tab.read<string[]>(allOf('#pols .n'))
    assert.ok(troubled.includes('shop/mx') && !troubled.includes('mail/mx'))
    await tab.read(`document.getElementById('only').click()`)
  })

  test('explains an address for every policy', async () => {
    await tab.read('document.body.focus()')
    await tab.press('/')
    for (const key of '203.0.113.9') await tab.press(key)
    await tab.press('Enter')
    await tab.until(`document.querySelectorAll('#explain li').length === ${scene.policies.length}`)
    assert.match(await tab.read(textOf('#explain')), /shop\/mx.*is refused with "550/)
    await tab.press('Escape')
  })

  test('follows the policies, and shows hostile texts as text', async () => {
    const [first, ...others] = scene.policies
    assert.ok(first !== undefined)
    const status = first['status'] as { readonly conditions: readonly object[] }
    const broken = { type: 'Ready', status: 'False', reason: 'Invalid', message: hostile, lastTransitionTime: new Date().toISOString() }
    const conditions = [broken, ...status.conditions.filter((one) => (one as { readonly type: string }).type !== 'Ready')]
    scene.policies = [{ ...first, status: { ...status, conditions } }, ...others.slice(1)]
    await tab.until(`${textOf(`[data-key="${keyOf(first)}"] .why`)}.includes('onerror')`)
    await tab.until(`document.querySelectorAll('#pols .row').length === ${scene.policies.length}`)
    assert.equal(await tab.read(`document.querySelectorAll('main img, main script').length`), 0)
    assert.notEqual(await tab.read('document.title'), '1')
  })

  test('fits every width without scrolling sideways, in both themes', async () => {
    for (const theme of ['light', 'dark'] as const)
      for (const width of [380, 860, 861, 1240, 1241, 1920]) {
        await tab.screen({ width, height: 900, theme })
        await tab.until(`innerWidth === ${width}`)
        const wide = `[...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && one.closest('svg') === null && getComputedStyle(one).position !== 'absolute' && one.closest('.cut') === null).map((one) => one.className || one.tagName)`
        assert.deepEqual(await tab.read<string[]>(wide), [], `${width} pixels, ${theme}`)
      }
    await tab.screen({ width: 1440, height: 900 })
  })

  test('says that another operator leads, and which lease names it', async () => {
    scene.leadsSince = undefined
    await tab.until(`${textOf('#sentence')}.startsWith('This operator stands by')`)
    assert.match(await tab.read(textOf('#todo')), /kubectl -n postscreen-system get lease postscreen-operator/)
    assert.match(await tab.read(textOf('#pols')), /The operator that leads knows the policies/)
    scene.leadsSince = Date.now()
  })

  test('says that the operator is gone, and follows the next one', async () => {
    const { port } = new URL(scene.address)
    scene.close()
    await tab.until(`${textOf('#sentence')}.startsWith('No word from the operator')`)
    scene = await serveOperatorScene({}, Number(port))
    await tab.until(`${textOf('#live')} === 'Live' && document.querySelectorAll('#pols .row').length === ${scene.policies.length}`)
    assert.deepEqual(tab.errors, [])
  })
})
