export { readExperiment } from './read-experiment.ts';
