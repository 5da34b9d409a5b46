// Light or dark: follows the system until the button is pressed; the choice is kept.
import { byId, icon } from './dom.js'

const key = 'postscreen-theme'

export function startTheme() {
  const root = document.documentElement
  const button = byId('theme')
  const chosen = new URLSearchParams(location.hash.slice(1)).get('theme') ?? stored()
  if (chosen === 'light' || chosen === 'dark') root.dataset.theme = chosen
  const isDark = () => (root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark'
  const label = () => button.setAttribute('aria-label', isDark() ? 'Switch to the light theme' : 'Switch to the dark theme')
  button.append(icon('theme'))
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark'
    try {
      localStorage.setItem(key, root.dataset.theme)
    } catch {
      // Without storage it is forgotten with the page.
    }
    label()
  })
  label()
}

function stored() {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}
