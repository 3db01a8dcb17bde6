import type { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { test } from 'tap';
import type { OwnBuckets } from './own-buckets.ts';
import { sdkTrails } from './trails.ts';

const never = new AbortController().signal;
const twin = { id: 'haldane-r1-control', name: 'haldane-r1-control', tags: {} };

/** Answers in the shape of CloudTrail's, of one trail that is there or not, and of a call to delete it that finds it or not. */
function account(isThere: boolean, isFound: boolean) {
  const removed: string[] = [];
  const gone = () => Object.assign(new Error('Unknown trail'), { name: 'TrailNotFoundException', $metadata: { httpStatusCode: 404 } });
  const send = async ({ constructor: { name } }: object): Promise<unknown> => {
    if (name === 'DeleteTrailCommand' && !isFound) throw gone();
    if (name === 'GetTrailCommand' && !isThere) throw gone();
    return name === 'GetTrailCommand' ? { Trail: { Name: twin.name } } : {};
  };
  const buckets = { remove: async (name: string) => void removed.push(name) };
  return { trails: sdkTrails({ send } as unknown as CloudTrailClient, buckets as unknown as OwnBuckets), removed };
}

test('the bucket, by which a trail is found, goes after it and not before', async (t) => {
  const usual = account(true, true);
  await usual.trails.remove(twin, never);
  t.same(usual.removed, ['haldane-r1-control-log']);
  const neverMade = account(false, false);
  await neverMade.trails.remove(twin, never);
  t.same(neverMade.removed, ['haldane-r1-control-log'], 'what was not made, or went before, keeps nothing');
  const notSeen = account(true, false);
  await t.rejects(notSeen.trails.remove(twin, never), {
    code: 'unavailable',
    message: /haldane-r1-control was said not to be there, and is/,
  });
  t.same(notSeen.removed, []);
});
