export { criteriaOf, criteriaOfSpec } from './criteria.ts';
export { asItRuns, deployWords } from './interrogate.ts';
export { objectionsTo } from './plan/allowed.ts';
export { makePlan } from './plan/plan.ts';
export { refusalsOf } from './plan/refusals.ts';
export { readExperiment } from './spec/index.ts';
export { story } from './story.ts';
export { subjectOf } from './subject/subject-of.ts';
export type { Hand, World } from './world.ts';
