export { experimentSchema } from './experiment.schema.ts';
export { checkParams, type ReadExperimentOptions, readExperiment } from './read-experiment.ts';
