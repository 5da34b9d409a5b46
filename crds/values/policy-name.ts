// What a policy may be called. The objects of a cluster that belong to it are named after it, NAME-gateway for one, and a Service is a DNS label.

/** RE2 and JavaScript alike. A Service's name begins with a letter (RFC 1035), and 11 of its 63 characters are left for what is added. */
export const policyNamePattern = '^[a-z]([-a-z0-9]*[a-z0-9])?$'
export const policyNameMaxLength = 52

export const policyNameWhy = `must be lower-case letters, digits and hyphens, at most ${policyNameMaxLength}, the first one a letter and the last one no hyphen, such as mx; objects are named after it`

/** The same for the API server, at the root of the CRD: the only place where a rule sees the name. */
export const policyNameRule = {
  rule: `self.metadata.name.size() <= ${policyNameMaxLength} && self.metadata.name.matches('${policyNamePattern}')`,
  message: `metadata.name ${policyNameWhy}`,
}
