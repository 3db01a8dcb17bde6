export { pipelineStage } from './pipeline-stage.ts';
export { type PreconfiguredStage, preconfiguredStages } from './preconfigured-stage.ts';
export { refusedByOrca } from './refused-by-orca.ts';
export { spinnaker } from './spinnaker.ts';
