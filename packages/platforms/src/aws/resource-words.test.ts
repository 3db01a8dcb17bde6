import { type AnyChangeKind, HaldaneError } from '@haldane/core';
import { test } from 'tap';
import { namingItsResource } from './resource-words.ts';

const { signal } = new AbortController();
const params = { word: 'role', name: 'haldane-r1-control' };

test('whatever is asked of a kind and is refused, the error names the resource', async (t) => {
  const refuse = () => Promise.reject(new HaldaneError('denied', 'AWS iam GetRole: AccessDenied'));
  const kind = namingItsResource({
    kind: 'aws.twin-fault',
    capture: refuse,
    apply: refuse,
    revert: refuse,
    isReverted: refuse,
    superseded: refuse,
  } as AnyChangeKind);
  const named = { code: 'denied', message: 'role haldane-r1-control: AWS iam GetRole: AccessDenied' };
  await t.rejects(kind.capture(params, signal), named, 'capture');
  for (const act of ['apply', 'revert', 'isReverted', 'superseded'] as const)
    await t.rejects(Promise.resolve(kind[act]?.(params, null, signal)), named, act);
  const { superseded: _none, ...without } = kind;
  t.equal(namingItsResource(without).superseded, undefined, 'what a kind cannot be asked stays so');
});
