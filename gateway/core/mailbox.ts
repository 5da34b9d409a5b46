// Addresses in MAIL and RCPT commands. They are read for the log only: the gateway delivers no mail.

/**
 * The address behind `MAIL FROM:` or `RCPT TO:`, unquoted (postscreen: psc_extract_addr). `text` is what follows the
 * colon, one byte a character.
 * A source route (`@a,@b:user@c`) is dropped through its first colon.
 */
export function extractAddress(text: string): string {
  let i = 0
  while (text[i] === ' ') i++
  const stop = text[i] === '<' ? '>' : ' '
  if (stop === '>') i++
  let address = ''
  for (let quoted = false; i < text.length; i++) {
    const c = text[i] as string
    if (!quoted && c === stop) break
    if (c === '"') {
      quoted = !quoted
    } else if (c !== '\\') {
      address += c
    } else {
      if (++i >= text.length) break
      address += text[i]
    }
  }
  const colon = address.startsWith('@') ? address.indexOf(':') : -1
  return colon < 0 ? address : address.slice(colon + 1)
}

// 8-bit characters stay as they are (QUOTE_FLAG_8BITCLEAN).
const needsQuotes = /^\.|\.\.|\.$|^$|[\x00-\x20\x7f()<>@,;:\\"[\]]/

/**
 * The external form, with the local part quoted where RFC 822 wants it (info_log_addr_format = external;
 * quote_822_local).
 */
export function externalForm(address: string): string {
  if (address === '') return ''
  const colon = address.startsWith('@') ? address.indexOf(':') : -1
  const start = colon + 1
  const at = address.lastIndexOf('@')
  const end = at < start ? address.length : at
  const local = address.slice(start, end)
  if (!needsQuotes.test(local)) return address
  return `${address.slice(0, start)}"${local.replace(/["\\\r]/g, '\\$&')}"${address.slice(end)}`
}
