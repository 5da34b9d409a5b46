// The buckets that several histograms have.

/** For waits of clients and questions, in seconds. */
export const secondsBuckets = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 20, 100]
