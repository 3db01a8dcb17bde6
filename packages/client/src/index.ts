export * from './audit-chain.ts';
export * from './chosen-stage.ts';
export * from './client.ts';
export * from './definition-of.ts';
export * from './report-formats.ts';
// The schemas themselves are for whoever answers (`@haldane/client/schema`): loading what they are written in takes longer than most questions.
export type * from './schema.ts';
export * from './server-of.ts';
export * from './stage-view.ts';
