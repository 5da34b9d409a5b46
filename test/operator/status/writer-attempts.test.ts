// The single requests of a status: what they contain, how often they are tried, and which answers name a field.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ApplyOptions, KubeClient } from '../../../operator/kube/kube-client.ts'
import { KubeError } from '../../../operator/kube/kube-error.ts'
import type { KubeObject } from '../../../operator/kube/object.ts'
import { StatusWriter } from '../../../operator/status/writer.ts'
import { policyWith } from '../policy-object.ts'

const policy = policyWith({})
const undeclared = (path: string, status = 500): KubeError =>
  new KubeError(`apply postscreenpolicies: ${status}: .status${path}: field not declared in schema`, { status, reason: '' })
const minute = 60_000

/** A writer whose requests are refused with these errors, one after the other, before they succeed. */
function play(...refusals: readonly unknown[]) {
  const left = [...refusals]
  const requests: { readonly object: KubeObject; readonly options: ApplyOptions }[] = []
  const told: (readonly string[])[] = []
  const clock = { ms: 1_000_000 }
  const client: Pick<KubeClient, 'apply'> = {
    apply: async (object, options) => {
      requests.push({ object, options })
      if (left.length > 0) throw left.shift()
      return object
    },
  }
  const writer = new StatusWriter(
    client as KubeClient,
    () => clock.ms,
    (fields) => told.push(fields),
  )
  const refuse = (error: unknown): void => void left.push(error)
  return { writer, requests, told, clock, refuse }
}

describe('a request', () => {
  test('contains the identity of the policy and its status, and nothing else', async () => {
    const { writer, requests } = play()
    await writer.write(policy, { gateways: { total: 2 } })
    const { name, namespace, uid } = policy.metadata
    assert.deepEqual(requests, [
      {
        object: {
          apiVersion: 'postscreen.dev/v1alpha1',
          kind: 'PostscreenPolicy',
          metadata: { name, namespace, uid },
          status: { gateways: { total: 2 } },
        },
        options: { fieldManager: 'postscreen-operator', force: true, subresource: 'status' },
      },
    ])
  })

  test('contains only what the metadata has', async () => {
    const { writer, requests } = play()
    await writer.write({ ...policy, metadata: { name: 'mx' } }, {})
    assert.deepEqual(requests[0]?.object.metadata, { name: 'mx' })
  })

  test('names the version to which it is bound', async () => {
    const { writer, requests } = play()
    await writer.write({ ...policy, metadata: { name: 'mx' } }, {}, '17')
    assert.deepEqual(requests[0]?.object.metadata, { name: 'mx', resourceVersion: '17' })
  })

  test('returns the policy as it is then', async () => {
    const { writer, requests } = play()
    assert.equal(await writer.write(policy, {}), requests[0]?.object)
  })
})

describe('an answer', () => {
  const cases: readonly { readonly what: string; readonly error: unknown; readonly omitted: readonly string[] }[] = [
    { what: 'that names a field', error: undeclared('.effective'), omitted: ['effective'] },
    { what: 'that names a field of a field', error: undeclared('.gateways.programmed'), omitted: ['gateways.programmed'] },
    { what: 'that names a field of each entry of a list', error: undeclared('.conditions[...].note'), omitted: ['conditions.note'] },
    { what: 'that names an entry by its key', error: undeclared('.conditions[type="Ready"].note'), omitted: ['conditions.note'] },
    { what: 'that names a field in lists of lists', error: undeclared('.a[...].b[].c'), omitted: ['a.b.c'] },
    {
      what: 'that names two fields',
      error: new KubeError('.status.b: field not declared in schema, .status.a: field not declared in schema', { status: 422, reason: '' }),
      omitted: ['a', 'b'],
    },
    { what: 'with status 400', error: undeclared('.effective', 400), omitted: ['effective'] },
    { what: 'below 400', error: undeclared('.effective', 399), omitted: [] },
    { what: 'that there was not', error: undeclared('.effective', 0), omitted: [] },
    { what: 'about the whole status', error: undeclared(''), omitted: [] },
    { what: 'about an entry of a status that is a list', error: undeclared('[...]'), omitted: [] },
    { what: 'with a step without a name', error: undeclared('..effective'), omitted: [] },
    { what: 'about something else', error: new KubeError('500: timed out', { status: 500, reason: '' }), omitted: [] },
    { what: 'that is another error', error: new Error('.status.effective: field not declared in schema'), omitted: [] },
  ]
  for (const { what, error, omitted } of cases) {
    test(`${what} ${omitted.length > 0 ? `omits ${omitted.join(' and ')}` : 'ends the write'}`, async () => {
      const { writer, told } = play(error)
      const ended = await writer.write(policy, {}).then(
        () => 'written',
        (caught: unknown) => caught,
      )
      assert.equal(ended, omitted.length > 0 ? 'written' : error)
      assert.deepEqual(writer.omitted, omitted)
      assert.deepEqual(told, omitted.length > 0 ? [omitted] : [])
    })
  }

  test('that names a field which is omitted already ends the write', async () => {
    const { writer, requests, told } = play(undeclared('.a'), undeclared('.a'))
    await assert.rejects(writer.write(policy, { a: 1 }), KubeError)
    assert.equal(requests.length, 2)
    assert.deepEqual(told, [['a']], 'and what is omitted is told of')
  })

  test('that names another field each time ends the write after twenty attempts', async () => {
    const names = Array.from({ length: 30 }, (_, at) => `f${at + 10}`)
    const { writer, requests, told } = play(...names.map((name) => undeclared(`.${name}`)))
    await assert.rejects(writer.write(policy, {}), KubeError)
    assert.equal(requests.length, 20)
    assert.deepEqual(told, [names.slice(0, 20)])
  })
})

describe('a field that was omitted', () => {
  test('is tried again after ten minutes, not a millisecond before', async () => {
    const { writer, requests, clock, told } = play(undeclared('.a'))
    await writer.write(policy, { a: 1 })
    clock.ms += 10 * minute - 1
    await writer.write(policy, { a: 1 })
    clock.ms += 1
    await writer.write(policy, { a: 1 })
    assert.deepEqual(
      requests.map(({ object }) => object['status']),
      [{ a: 1 }, {}, {}, { a: 1 }],
    )
    assert.deepEqual(told, [['a'], []])
  })

  test('is tried again in time, though another one was omitted later', async () => {
    const { writer, requests, clock, refuse } = play(undeclared('.a'))
    await writer.write(policy, { a: 1, b: 1 })
    clock.ms += 6 * minute
    refuse(undeclared('.b'))
    await writer.write(policy, { a: 1, b: 1 })
    clock.ms += 4 * minute
    await writer.write(policy, { a: 1, b: 1 })
    assert.deepEqual(requests.at(-1)?.object['status'], { a: 1, b: 1 })
  })

  test('waits ten minutes again when it was omitted again', async () => {
    const { writer, requests, clock, refuse } = play(undeclared('.a'))
    await writer.write(policy, { a: 1 })
    clock.ms += 10 * minute
    refuse(undeclared('.a'))
    await writer.write(policy, { a: 1 })
    clock.ms += 10 * minute - 1
    await writer.write(policy, { a: 1 })
    assert.deepEqual(requests.at(-1)?.object['status'], {})
  })
})

describe('a status that fits', () => {
  const cases: readonly {
    readonly what: string
    readonly path: string
    readonly status: Readonly<Record<string, unknown>>
    readonly want: object
  }[] = [
    { what: 'lacks the field', path: '.a', status: { a: 1, b: 2 }, want: { b: 2 } },
    { what: 'keeps the other fields beside an inner one', path: '.a.b', status: { a: { b: 1, c: 2 }, d: 3 }, want: { a: { c: 2 }, d: 3 } },
    {
      what: 'lacks it in every entry of a list',
      path: '.a[...].b',
      status: { a: [{ b: 1, c: 2 }, { c: 3 }] },
      want: { a: [{ c: 2 }, { c: 3 }] },
    },
    { what: 'stays as it is without the field', path: '.a', status: { b: 2 }, want: { b: 2 } },
    { what: 'stays as it is without the field around it', path: '.a.b', status: { d: 3 }, want: { d: 3 } },
    { what: 'stays as it is with a text around it', path: '.a.b', status: { a: 'x' }, want: { a: 'x' } },
  ]
  for (const { what, path, status, want } of cases) {
    test(what, async () => {
      const { writer } = play(undeclared(path))
      await writer.write(policy, {})
      assert.deepEqual(writer.fit(status), want)
    })
  }
})
