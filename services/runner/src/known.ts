/** Ids that this runner can serve, for a file that names another. */
export const known = {
  platforms: ['aws', 'local'],
  pipelines: ['manifest'],
  metrics: ['cloudwatch', 'none', 'prometheus', 'router'],
  alerts: ['cloudwatch', 'webhook'],
} as const;
