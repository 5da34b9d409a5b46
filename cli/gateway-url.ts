// The option --gateway: the URL of a gateway's admin server.

/** The admin server of a gateway on this machine or in this pod, and of the demo. */
export const defaultGateway = 'http://127.0.0.1:2580'

/** Why a URL cannot be used, or undefined. */
export function gatewayUrlProblem(url: string): string | undefined {
  if (/^https?:\/\/[^/?#]+\/?$/.test(url) && URL.canParse(url)) return undefined
  return `--gateway ${JSON.stringify(url)}: must be the URL of an admin server such as ${defaultGateway}`
}

/** The URL without a slash at its end, for the path of a page. */
export const gatewayBase = (url: string): string => url.replace(/\/$/, '')
