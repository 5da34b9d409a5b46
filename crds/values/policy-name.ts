// The allowed names of a policy. Its objects in the cluster are named after it, for example NAME-gateway, and the name
// of a Service is a DNS label.

/**
 * Valid for RE2 and JavaScript. The name of a Service begins with a letter (RFC 1035), and suffixes need 11 of its 63
 * characters.
 */
export const policyNamePattern = '^[a-z]([-a-z0-9]*[a-z0-9])?$'
export const policyNameMaxLength = 52

export const policyNameWhy = `must have at most ${policyNameMaxLength} lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen, such as mx; the names of objects are derived from it`

/** The same rule for the API server, at the root of the CRD: only there can a rule read the name. */
export const policyNameRule = {
  rule: `self.metadata.name.size() <= ${policyNameMaxLength} && self.metadata.name.matches('${policyNamePattern}')`,
  message: `metadata.name ${policyNameWhy}`,
}
