// Text from a pod, on its way into a status that people and programs read.

const longest = 500

/**
 * The beginning of a text, as one line without control characters and such as turn its direction around. No half of a character is left at its end:
 * the API server would write that in another way, and the status would never be as it was written.
 */
export const oneLine = (text: string): string =>
  text
    .slice(0, longest)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ')
