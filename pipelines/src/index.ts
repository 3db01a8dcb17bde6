/** The room's list: one line a CI/CD system that Haldane reads, or that calls it; and the git repository of a service. */
export { ofOneService } from './choose-among.ts';
export { chooseFor } from './choose-for.ts';

export * from './github-actions/index.ts';
export { liveSources, openReaders } from './live-sources.ts';
export { type AroundStage, lookAtStage, type StageProgress } from './look-at-stage.ts';
export * from './manifest/index.ts';
export * from './repository/index.ts';
export * from './spinnaker/index.ts';
export type { StageMode } from './stage-mode.ts';
export { withoutRepository } from './without-repository.ts';
