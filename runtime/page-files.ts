// The files of the pages for people, which a browser loads: served from the program itself, under a policy that forbids
// everything else. They are read when they are first asked for.
import { readFileSync } from 'node:fs'
import type { AdminPage } from './admin-server.ts'

/** In a checkout beside this file, in the image beside the program. */
const folder = new URL('page/', import.meta.url)

/** What both pages use, and what each has of its own. */
const shared = ['page.css', 'icon.svg', 'dom.js', 'outcomes.js', 'plot.js', 'stream.js', 'theme.js'] as const
const own = {
  gateway: ['gateway.js', 'health.js', 'explain.js', 'sessions.js', 'panels.js'],
  operator: ['operator.css', 'operator.js', 'policies.js'],
} as const

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

/** Nothing from elsewhere, no script or style in the page itself, no forms, no frames. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

/** The pages of the admin server that a browser loads: `/`, and `/page/NAME`. */
export function pageFiles(page: keyof typeof own): Readonly<Record<string, () => AdminPage>> {
  const files = [...shared, ...own[page]].map((name) => [`/page/${name}`, served(name)] as const)
  return { '/': served(`${page}.html`), ...Object.fromEntries(files) }
}

/** Without a comment line and the spaces in front of a line: a third of the bytes of a script. */
const packed = (text: string): string => text.replace(/^[ \t]+/gm, '').replace(/^(?:\/\/|\/\*|\*).*\n/gm, '')

function served(name: string): () => AdminPage {
  let page: AdminPage | undefined
  return () => {
    const extension = name.slice(name.lastIndexOf('.') + 1)
    page ??= { code: 200, type: types[extension] ?? 'text/plain', text: packed(readFileSync(new URL(name, folder), 'utf8')), headers }
    return page
  }
}
