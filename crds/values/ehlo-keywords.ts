// The EHLO keywords that a policy can hide from clients.

/** In the order in which Postfix names them in its log (ehlo_mask.c). SILENT-DISCARD only keeps the log quiet. */
export const ehloKeywords = [
  '8BITMIME',
  'AUTH',
  'ETRN',
  'PIPELINING',
  'SIZE',
  'VERP',
  'VRFY',
  'XCLIENT',
  'XFORWARD',
  'STARTTLS',
  'ENHANCEDSTATUSCODES',
  'DSN',
  'SMTPUTF8',
  'CHUNKING',
  'REQUIRETLS',
  'SILENT-DISCARD',
] as const
export type EhloKeyword = (typeof ehloKeywords)[number]
