export { checkValue } from './check-value.ts';
export { explain, type Finding } from './explain.ts';
export { type EnvironmentMap, interpolate } from './interpolate.ts';
export { nearest, nearestOfAll } from './nearest.ts';
export { pathOf, type Problem, sayProblem } from './problem.ts';
export { type Quantity, readDuration, readRate, readShare } from './quantity.ts';
export { badDocument, readDocument, type ReadOptions } from './read-document.ts';
