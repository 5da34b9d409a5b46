// The client for Valkey, loaded when a policy has one. In a file of its own, because the bundle of the image would give
// an import() of the package only its default export.
export { Cluster, Redis } from 'ioredis'
