// Node's options with which the gateway is measured: those that npm start, npm run postscreen and the image run it with.

/**
 * The young generation of Node 24 grows to 3 × 64 MB and stays there, which 10,000 idle connections do not need. Measured, resident bytes each
 * (first crowd of 10,000): 5,600 as Node comes, 4,400 with 16, 3,000 with 8, 2,700 with 4; CPU a session is the same with 2 to 32.
 */
export const gatewayFlags = ['--max-semi-space-size=4']
