// Checks host names. The value of a host name is its text.

/**
 * Why a text is not a host name, or undefined if it is one. The rules and words are those of Postfix's valid_hostname:
 * letters, digits, hyphens and underscores in labels of at most 63 characters, not only digits.
 */
export function hostNameProblem(name: string): string | undefined {
  if (name === '') return 'empty name'
  if (name.length > 255) return 'too long'
  if (/[^A-Za-z0-9._-]/.test(name)) return `invalid character ${JSON.stringify(/[^A-Za-z0-9._-]/u.exec(name)?.[0])}`
  if (/^\.|\.\.|\.$/.test(name)) return 'misplaced dot'
  if (/(^|\.)-|-(\.|$)/.test(name)) return 'misplaced hyphen'
  if (name.split('.').some((label) => label.length > 63)) return 'a label is longer than 63 characters'
  if (/^[0-9.]+$/.test(name)) return 'only digits'
  return undefined
}
