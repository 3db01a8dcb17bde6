import { HaldaneError, type TrafficRouter } from '@haldane/core';
import type { AwsWorld } from './aws-world.ts';
import { doorHeader, secretOf } from './door.ts';
import { findRoute } from './find-route.ts';
import { forwardOf } from './forward.ts';
import type { AttachParams } from './kinds/attach-kind.ts';
import type { SliceParams } from './kinds/slice-kind.ts';
import { attachChangeId } from './names.ts';
import { tagNames } from './our-tags.ts';
import { ownRules } from './own.ts';

/** `addressOf`: where users reach a route, when that is not its balancer's own name (which no certificate is made out to). */
export function awsTraffic({ calls, sideDoors }: AwsWorld, addressOf: (route: string) => string | undefined): TrafficRouter {
  return {
    async describe(route, signal) {
      const found = await findRoute(calls, route, signal);
      if (found === null) return null;
      const groups = forwardOf(found.rule.actions)?.groups ?? [];
      const arns = groups.map((one) => one.targetGroup);
      const [tags, health] = await Promise.all([
        calls.balancing.tags(arns, signal),
        Promise.all(arns.map((arn) => calls.balancing.health(arn, signal))),
      ]);
      const sum = groups.reduce((total, one) => total + one.weight, 0);
      const runOf = (arn: string) => tags.get(arn)?.[tagNames.run];
      const production = health.filter((_, index) => runOf(arns[index] ?? '') === undefined).flat();
      return {
        route,
        address: addressOf(route) ?? found.listener.address,
        requestsPerSecond: null,
        production: { healthy: production.filter((one) => one.state === 'healthy').length, instances: production.length },
        slices: groups.flatMap(({ targetGroup, weight }) => {
          const runId = runOf(targetGroup);
          return runId === undefined ? [] : [{ runId, share: sum === 0 ? 0 : weight / sum }];
        }),
      };
    },
    attach({ route }, runId, standsOn) {
      const side = sideDoors?.of(route);
      const params: AttachParams = { runId, route, ...(side ? { side } : {}) };
      return {
        id: attachChangeId,
        kind: 'aws.attach',
        params,
        standsOn,
        does: `opens the run's own rules before ${route} to synthetic requests that carry the run's secret in ${doorHeader}${side ? ", and tells Haldane's routers of the arms" : ''}; moves no user`,
        undo: 'shuts them again, which destroys the secret',
      };
    },
    slice({ route }, runId, slice) {
      const { name, share, caps } = slice;
      const side = sideDoors?.of(route);
      const params: SliceParams = { runId, route, ...slice, ...(side ? { side } : {}) };
      return {
        id: `slice:${name}`,
        kind: 'aws.slice',
        params,
        standsOn: [attachChangeId],
        does: side
          ? `adds the side door ${side.targetGroup} to the forward action of ${route}, with so much weight that Haldane's routers send ${percent(share)} of the route to each arm, by the user's key, until ${caps.failures} of them have failed${caps.users === undefined ? '' : ` or ${caps.users} users have seen a failure`}`
          : `adds the arms' target groups to the forward action of ${route}, ${percent(share)} of its requests to each (whole weights, nearest there is); ` +
            `the balancer chooses for each request anew and does not count failures: past ${caps.failures} the run stops when its metrics show it`,
        undo: side
          ? `sends all that comes to the routers to production, and takes the side door out of the action of ${route} again, whatever else it holds by then; without Haldane, the routers do the first when the lease ends`
          : `takes them out of the action of ${route} again, whatever else it holds by then`,
      };
    },
    async reach({ route }, runId, arm, signal) {
      const found = await findRoute(calls, route, signal);
      const own = await ownRules(calls, found?.rules ?? [], runId, signal);
      const door = own.find((one) => one.arm === arm);
      const secret = door === undefined ? null : secretOf(door.rule);
      if (found === null || secret === null)
        throw new HaldaneError('gone', `run ${runId} has no open door before ${route}, so no synthetic request can enter its ${arm} arm`);
      return { url: addressOf(route) ?? found.listener.address, headers: { [doorHeader]: secret } };
    },
  };
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
