import type { GroupDeployment } from './codedeploy-calls.ts';
import { isOver } from './is-over.ts';
import { nameOf } from './release-of.ts';

/** How many are named; more are only counted. */
const mostNamed = 5;

/**
 * What is being done to the service, each in words: deployments that are not over, and one after the last success that ended badly when it had begun on
 * instances, for then nobody knows which of them run what. `newer`: all since the last success.
 */
export function underWay(open: readonly GroupDeployment[], newer: readonly GroupDeployment[]): readonly string[] {
  const all = [...new Map([...open, ...newer].map((one) => [one.id, one])).values()].sort((a, b) => a.createdAt - b.createdAt);
  const under = all.filter(({ status }) => !isOver(status)).map(openWords);
  const more = under.length - mostNamed;
  const half = all.filter(leftHalf).at(-1);
  return [
    ...under.slice(0, mostNamed),
    ...(more > 0 ? [`and ${more} more`] : []),
    ...(half === undefined
      ? []
      : [
          `${wordsOf(half)} ${half.status === 'Stopped' ? 'was stopped' : 'failed'} after it had begun, and nothing was deployed since: its instances may run either; deploy again, or roll back`,
        ]),
  ];
}

/** An instance that was launched meanwhile, and on which it failed, does not stay. */
function leftHalf({ status, creator, touched }: GroupDeployment): boolean {
  return isOver(status) && status !== 'Succeeded' && creator !== 'autoscaling' && touched !== 0;
}

function openWords(one: GroupDeployment): string {
  return `${wordsOf(one)} is ${one.status}${one.isEndingOld ? ', until its old instances are ended' : ''}`;
}

function wordsOf(one: GroupDeployment): string {
  const what = one.creator === 'codeDeployRollback' ? 'rollback' : 'deployment';
  return `${what} ${one.id} of ${nameOf(one)}${one.creator === 'autoscaling' ? ' to a new instance' : ''}`;
}
