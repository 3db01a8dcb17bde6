export { pipelineStage } from './pipeline-stage.ts';
export { preconfiguredStage, type StageMode } from './preconfigured-stage.ts';
export { refusedByOrca } from './refused-by-orca.ts';
