export { pipelineStage } from './pipeline-stage.ts';
export { preconfiguredStage } from './preconfigured-stage.ts';
export { refusedByOrca } from './refused-by-orca.ts';
export { spinnaker } from './spinnaker.ts';
