export { objectionsTo } from './allowed.ts';
export { criteriaOf, criteriaOfSpec } from './criteria.ts';
export { asItRuns } from './interrogate.ts';
export { makePlan } from './plan.ts';
export { refusalsOf } from './refusals.ts';
export { readExperiment } from './spec/index.ts';
export { story } from './story.ts';
export { twinOf } from './twins.ts';
export type { Hand, World } from './world.ts';
