// Limits for calls of backends that even a busy machine keeps, for tests that are not about a limit, or that move the clock to it.

/** No name is looked up and no probe is made unless `refresh` is called. */
export const longTimeouts = { proxyProtocol: 'V2' as const, connectTimeoutMs: 20_000, greetingTimeoutMs: 20_000, refreshMs: 0 }
