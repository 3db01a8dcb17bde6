import type { DependencyFault, FaultPlane, HostFault } from '@haldane/core';
import type { FaultParams, RequestFaultParams } from './fault-kind.ts';
import type { LocalWorld } from './local-world.ts';
import { armClusterName, attachChangeId, clusterChangeId, proxyChangeId, proxyName } from './names.ts';
import { probeDependency } from './probe-dependency.ts';
import type { ProxyParams } from './proxy-kind.ts';
import type { RestartParams } from './restart-kind.ts';

export function localFaults(world: LocalWorld): FaultPlane {
  return {
    can: ['dependency-fault', 'request-fault', 'restart', 'synthetic-reach', 'slice-rules', 'larger-control'],
    wire(deployment, arm, runId) {
      const dependencies = deployment.dependencies.map((one) => ({ dependency: one.name, proxy: proxyName(runId, arm, one.name) }));
      const changes = dependencies.map(({ dependency, proxy }) => {
        const params: ProxyParams = { runId, arm, dependency, proxy, source: deployment.source };
        return {
          id: proxyChangeId(arm, dependency),
          kind: 'local.proxy',
          params,
          standsOn: [],
          does: `opens a proxy on this machine through which only ${arm} reaches ${dependency}`,
          undo: 'closes the proxy; without Haldane, the router does it when the lease ends',
        };
      });
      return { changes, dependencies };
    },
    dependency(runId, arm, dependency, fault) {
      const params: FaultParams = { runId, arm, dependency, proxy: proxyName(runId, arm, dependency), fault };
      return {
        id: `fault:${arm}:${dependency}`,
        kind: 'local.fault',
        params,
        standsOn: [proxyChangeId(arm, dependency)],
        does: `${words(fault)}${arm}'s calls to ${dependency}, and nobody else's`,
        undo: `lets ${arm}'s calls to ${dependency} through again; without Haldane, the router does it when the lease ends`,
      };
    },
    request({ route }, runId, arm, fault) {
      const params: RequestFaultParams = { runId, arm, route, fault };
      return {
        id: `request-fault:${arm}`,
        kind: 'local.request-fault',
        params,
        standsOn: [attachChangeId],
        does: `${words(fault)}requests of route ${route} that enter ${arm}, and nobody else's`,
        undo: `lets requests reach ${arm} as they are again; without Haldane, the router does it when the lease ends`,
      };
    },
    host(runId, arm, _fault: HostFault) {
      const params: RestartParams = { runId, arm, cluster: armClusterName(runId, arm) };
      return {
        id: `restart:${arm}`,
        kind: 'local.restart',
        params,
        standsOn: [clusterChangeId(arm)],
        does: `ends every process of ${arm} and starts it again on the same port`,
        undo: 'nothing is to be put back: the processes are the same as before, only younger',
      };
    },
    probe: (runId, arm, dependency, signal) => probeDependency(world, runId, arm, dependency, signal),
  };
}

function words(fault: DependencyFault): string {
  const some = fault.percent === undefined || fault.percent >= 100 ? '' : `${fault.percent} % of `;
  switch (fault.mode) {
    case 'abort':
      return `answers ${fault.status ?? 503} to ${some}`;
    case 'answer':
      return `answers ${fault.status ?? 200} with ${fault.body === undefined || fault.body === '' ? 'an empty body' : 'a body of its own'} to ${some}`;
    case 'delay':
      return `delays by ${fault.delayMs ?? 0} ms${fault.delay === undefined || fault.delay === 'fixed' ? '' : ` on average (${fault.delay})`} ${some}`;
    case 'reset':
      return `resets ${some}`;
    case 'hang':
      return `never answers ${some}`;
    case 'refuse':
      return `refuses ${some}`;
    case 'slow':
      return `lets answers through at ${fault.bytesPerSecond ?? 1024} bytes a second to ${some}`;
    case 'truncate':
      return `breaks answers off after ${fault.afterBytes ?? 0} bytes to ${some}`;
    case 'garble':
      return `answers with noise of the same length to ${some}`;
    case 'headers':
      return `changes headers of the answers to ${some}`;
    case 'repeat':
      return `sends ${fault.times ?? 2} times more ${some}`;
    case 'wrong-name':
      return 'shows a certificate of another name to ';
    case 'expired':
      return 'shows an expired certificate to ';
  }
}
