export { experimentSchema } from './experiment.schema.ts';
export { checkParams, readExperiment, type ReadExperimentOptions } from './read-experiment.ts';
