import { RefParams } from '@haldane/client/schema';
import type { Operation } from './operations/operation.ts';
import { type OperationId, operations } from './operations.ts';

/** An operation at one address. */
export type Route = { readonly id: OperationId; readonly operation: Operation; readonly byRef: boolean };

/** Every address of the API: each operation, and the twins by reference of those on a run or a stage. */
export const routes: readonly Route[] = (Object.keys(operations) as OperationId[]).flatMap((id) => {
  const operation: Operation = operations[id];
  const route = { id, operation, byRef: false };
  if (operation.on !== 'run' && operation.on !== 'stage') return [route];
  const twin = { ...operation, path: operation.path.replace('/:id', '/by-ref/:ref'), params: RefParams };
  return [route, { id, operation: twin, byRef: true }];
});
