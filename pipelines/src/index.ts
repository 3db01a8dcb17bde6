/** The room's list: one line a CI/CD system that Haldane reads. */
export * from './manifest/index.ts';
export * from './spinnaker/index.ts';
