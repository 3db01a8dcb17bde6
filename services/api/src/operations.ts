import { accessOperations } from './operations/access-operations.ts';
import { choiceOperations } from './operations/choice-operations.ts';
import { gateOperations } from './operations/gate-operations.ts';
import { houseOperations } from './operations/house-operations.ts';
import { runOperations } from './operations/run-operations.ts';
import { serviceOperations } from './operations/service-operations.ts';
import { signedOperations } from './operations/signed-operations.ts';

/**
 * All that the API offers: the routes, who may ask for each, its documentation and the tests of both are made from this one table.
 * An operation on a run or a stage has a twin below /v1/runs/by-ref/{ref}, for callers that know only the key that they created it with.
 */
export const operations = {
  ...houseOperations,
  ...serviceOperations,
  ...runOperations,
  ...gateOperations,
  ...choiceOperations,
  ...accessOperations,
  ...signedOperations,
} as const;

export type OperationId = keyof typeof operations;
