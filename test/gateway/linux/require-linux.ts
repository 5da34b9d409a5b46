// Tests of gateway/linux need what it needs. In CI the reason is a failure; elsewhere the tests are skipped and say why.
import { loadLibc } from '../../../gateway/linux/libc.ts'

const libc = loadLibc()

if (typeof libc === 'string' && process.env['CI'] === 'true') throw new Error(`gateway/linux must be tested in CI, but ${libc}`)

/** For `skip` of a test: false, or why it is left out. */
export const linux: string | false = typeof libc === 'string' ? libc : false
