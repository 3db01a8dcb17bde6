export { checkValue } from './check-value.ts';
export { editDocument } from './edit-document.ts';
export { explain, type Finding } from './explain.ts';
export { type EnvironmentMap, interpolate } from './interpolate.ts';
export { nearest, nearestOfAll } from './nearest.ts';
export { type Problem, pathOf, sayProblem } from './problem.ts';
export { type Quantity, readDuration, readRate, readShare } from './quantity.ts';
export { badDocument, type ReadOptions, readDocument } from './read-document.ts';
export { nameSchema, variableSchema } from './schema-words.ts';
