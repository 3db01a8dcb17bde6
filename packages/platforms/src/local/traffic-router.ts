import { coverageWords, HaldaneError, plainRules, type TrafficRouter } from '@haldane/core';
import { signSynthetic, syntheticHeader } from '@haldane/dataplane';
import type { AttachParams } from './attach-kind.ts';
import type { LocalWorld } from './local-world.ts';
import { armClusterName, attachChangeId } from './names.ts';
import { readRunSecret } from './run-secret.ts';
import type { SliceParams } from './slice-kind.ts';

export function localTraffic({ layout, dataplane }: LocalWorld): TrafficRouter {
  return {
    async describe(route, signal) {
      const view = (await dataplane.view(signal)).routes.find((one) => one.route === route);
      if (!view) return null;
      const healthy = view.production.filter((one) => one.healthy).length;
      return {
        route,
        address: `http://127.0.0.1:${view.port}`,
        requestsPerSecond: view.requestsPerSecond,
        production: { healthy, instances: view.production.length },
        slices: view.slices.map(({ runId, share }) => ({ runId, share })),
      };
    },
    attach({ route }, runId, standsOn) {
      const params: AttachParams = {
        runId,
        route,
        control: armClusterName(runId, 'control'),
        experiment: armClusterName(runId, 'experiment'),
      };
      return {
        id: attachChangeId,
        kind: 'local.attach',
        params,
        standsOn,
        does: `lets synthetic requests that carry this run's signature enter both arms through route ${route}; moves no user`,
        undo: `takes the arms off route ${route} and destroys the run's key; without Haldane, the router does it when the lease ends`,
      };
    },
    slice({ route }, runId, slice) {
      const { name, share, controlTimes = 1, exposure, caps } = slice;
      const params: SliceParams = { runId, route, ...slice };
      const rules = slice.rules ?? plainRules;
      const part = `${percent(share)} of route ${route} to ${controlTimes === 1 ? 'each arm' : `the experiment and ${controlTimes} times as much to control`}`;
      const sent = {
        route: `sends ${part}`,
        shield: `sends ${part}, and has production answer what fails there`,
        mirror: `copies ${part}, while production answers`,
      }[rules.mode];
      return {
        id: `slice:${name}`,
        kind: 'local.slice',
        params,
        standsOn: [attachChangeId],
        does: `${sent} (${coverageWords(exposure, rules)})${rules.mode === 'mirror' ? '' : `, until ${caps.failures} of them have failed${caps.users === undefined ? '' : ` or ${caps.users} users have seen a failure`}`}`,
        undo: `sends all of route ${route} to production again; without Haldane, the router does it when the lease ends`,
      };
    },
    async reach({ route }, runId, arm, signal) {
      const state = await this.describe(route, signal);
      const secret = readRunSecret(layout, runId);
      if (state === null || secret === null)
        throw new HaldaneError('gone', `run ${runId} is not attached to route ${route}, so no synthetic request can enter its arms`);
      return { url: state.address, headers: { [syntheticHeader]: signSynthetic(secret, { runId, arm, stream: 'legitimate' }) } };
    },
  };
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
