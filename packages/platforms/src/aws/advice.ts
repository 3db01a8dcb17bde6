import type { Advice, Change, Deployment } from '@haldane/core';
import type { AwsCalls } from './aws-calls.ts';
import { hookNotes } from './hooks.ts';
import type { ClusterParams } from './kinds/cluster-kind.ts';
import type { SliceParams } from './kinds/slice-kind.ts';
import type { TwinParams } from './kinds/twin-kind.ts';
import { type PriceTable, priceOf } from './price.ts';

export type Budget = { readonly prices: PriceTable; readonly ceilingUsd: number };

/** Launching and ending instances takes minutes that the watch does not show. */
const aroundSeconds = 10 * 60;

/** What a plan of a run in this account has to say besides its changes: who enforces what, what it costs, and why not when that is too much. */
export async function awsAdvice(
  calls: AwsCalls,
  { prices, ceilingUsd }: Budget,
  { source }: Deployment,
  changes: readonly Change[],
  seconds: number,
  signal: AbortSignal,
): Promise<Advice> {
  const twins = changes.filter((change) => change.kind === 'aws.twin').map((change) => change.params as TwinParams);
  if (twins.length > 0) return twinAdvice(calls, twins, signal);
  const launched = changes.filter((change) => change.kind === 'aws.cluster').map((change) => (change.params as ClusterParams).instances);
  const production = await calls.groups.group(source, signal);
  const hooks = production === null ? [] : await calls.groups.hooks(source, signal);
  const cost = production === null ? null : priceOf(production, prices, Math.max(0, ...launched), seconds + aroundSeconds);
  const dollars = (usd: number) => `${usd.toFixed(2)} US dollars`;
  const side = changes.map((change) => (change.kind === 'aws.slice' ? (change.params as SliceParams).side : undefined)).find((one) => one);
  const counted =
    'nobody before it happens: the balancer does not count failures. The run stops when its metrics show the cap reached; what fails until then is beyond it';
  return {
    ...(side === undefined
      ? {
          caps: [
            { name: 'failures of real users, both arms together', enforcedBy: counted },
            { name: 'share of the route', enforcedBy: "the balancer, by weights in the rule's action" },
            { name: 'a request slower than', enforcedBy: counted },
          ],
        }
      : {
          caps: [
            {
              name: 'share of the route',
              enforcedBy: `the balancer, by the weight of the side door ${side.targetGroup}, and Haldane's routers, a third of what enters them to each arm`,
            },
          ],
        }),
    notes: [
      ...hookNotes(source, hooks),
      side === undefined
        ? 'The balancer chooses an arm for each request anew: one user meets production and both arms by turns, and the unit of the comparison is the request.'
        : "The balancer chooses for each request anew whether it goes to the side door; there the user's key says which arm. Two users in three meet an arm now and then, always the same one, and production otherwise. While fewer instances or more routers stand in the side door than now, the share is larger.",
      ...(cost === null
        ? []
        : [
            `Instances of both arms cost at most ${dollars(cost.usd)} (${Math.ceil((seconds + aroundSeconds) / 60)} minutes with launch and end; without traffic, storage and balancer).` +
              (cost.unknown.length === 0 ? '' : ` The price of ${cost.unknown.join(', ')} is not in the table and counted as nothing.`),
          ]),
    ],
    refusals: [
      ...(cost !== null && cost.usd > ceilingUsd
        ? [
            `the run may cost ${dollars(cost.usd)}, above the ceiling of ${dollars(ceilingUsd)}: raise HALDANE_AWS_CEILING, or make it shorter or smaller`,
          ]
        : []),
      ...(cost !== null && cost.unknown.length > 0
        ? [
            `the price of ${cost.unknown.join(', ')} is not known, so the ceiling cannot be held: name it in the table of HALDANE_AWS_PRICES`,
          ]
        : []),
    ],
  };
}

/** What is noticed at a twin is not yet noticed at production's own: the plan says what differs, and that it costs nothing. */
async function twinAdvice(calls: AwsCalls, twins: readonly TwinParams[], signal: AbortSignal): Promise<Advice> {
  const notes = await Promise.all(
    twins.slice(0, 1).map(async ({ of, like }) => {
      const { word, original } = calls.twins[of];
      const differs = (await original(like, signal))?.differs ?? [];
      return `Made at twins of ${word} ${like}, which is only read. Whoever notices it there need not notice it at ${like} itself; what differs: ${differs.join('; ')}.`;
    }),
  );
  return { caps: [], notes: [...notes, 'Nothing is launched: the run costs nothing but its calls.'], refusals: [] };
}
