// Fields that name a Secret whose content the gateway reads. The mark tells the operator what to mount into the
// gateway's pods.
import { documented, type FieldDoc, text } from './field.ts'
import { entryOf, objectNameForm } from './forms.ts'

/** One key of a Secret: `{name, key}`. Not set by default. */
export const secretRef = (doc: FieldDoc) => documented(entryOf('Secret').exactOptional(), { ...doc, secret: 'key' })

/** The name of a Secret with a certificate: tls.crt, tls.key, ca.crt. Empty by default. */
export const certificateSecret = (doc: FieldDoc) =>
  documented(text({ max: 253, pattern: `^(${objectNameForm})?$`, why: 'must be the name of a Secret' }).default(''), {
    tenancy: 'prefixedName',
    ...doc,
    secret: 'certificate',
  })
