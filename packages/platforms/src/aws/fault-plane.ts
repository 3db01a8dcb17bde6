import { type Change, type Deployment, type FaultPlane, HaldaneError, type TwinPlane } from '@haldane/core';
import type { DoorParams } from './kinds/door-kind.ts';
import type { FaultParams } from './kinds/fault-kind.ts';
import type { TargetsParams } from './kinds/targets-kind.ts';
import type { TemplateParams } from './kinds/template-kind.ts';
import {
  armClusterName,
  clusterChangeId,
  proxyName,
  targetGroupChangeId,
  targetGroupName,
  templateChangeId,
  templateName,
} from './names.ts';
import type { Sidecars } from './sidecars.ts';

const twinFaults = ['open-port', 'open-bucket', 'colliding-right', 'all-rights', 'stopped-trail'] as const;

/**
 * What an arm is launched with here: a target group of its own, a shut door to it and, when something is to be faulted or turned off in it,
 * a sidecar beside each instance. Both arms get the same.
 */
export function awsFaults(sidecars: Sidecars | null, twins: TwinPlane): FaultPlane {
  const cannot = (what: string): never => {
    throw new HaldaneError('refused', `the aws platform cannot ${what}`);
  };
  return {
    can: ['synthetic-reach', ...twinFaults, ...(sidecars === null ? [] : (['dependency-fault'] as const))],
    wire(deployment, arm, runId) {
      const { source, route, revision } = deployment;
      const name = targetGroupName(runId, arm);
      const targets: TargetsParams = { runId, arm, name, source, route };
      const door: DoorParams = { runId, arm, route, targetGroup: name };
      const template: TemplateParams = { runId, arm, name: templateName(runId, arm), source, revision, route };
      const isWired = sidecars !== null && deployment.dependencies.length + deployment.intake.length > 0;
      const changes: readonly Change[] = [
        {
          id: targetGroupChangeId(arm),
          kind: 'aws.targets',
          params: targets,
          standsOn: [],
          does: `creates target group ${name}, equal to production's in port, network and health check`,
          undo: 'deletes it; without Haldane, haldane sweep --aws does it when the expiry in its tags has passed',
        },
        {
          id: `door:${arm}`,
          kind: 'aws.door',
          params: door,
          standsOn: [targetGroupChangeId(arm)],
          does: `adds a rule before ${route} that leads to ${name} and that no request fulfils, so that the balancer checks the arm's health`,
          undo: 'deletes the rule; without Haldane, haldane sweep --aws does it when its target group has expired',
        },
      ];
      const wired: Change = {
        id: templateChangeId(arm),
        kind: 'aws.template',
        params: template,
        standsOn: [],
        does: `creates launch template ${template.name}: ${revision}, and before its user data a script that ${difference(deployment, sidecars)}; nothing else differs`,
        undo: 'deletes it; without Haldane, haldane sweep --aws does it when the expiry in its tags has passed',
      };
      return {
        dependencies: isWired
          ? deployment.dependencies.map((one) => ({ dependency: one.name, proxy: proxyName(runId, arm, one.name) }))
          : [],
        changes: isWired ? [...changes, wired] : changes,
      };
    },
    dependency(runId, arm, dependency, fault) {
      if (fault.mode === 'wrong-name' || fault.mode === 'expired')
        return cannot(`show a wrong certificate (fault ${fault.mode}): an instance speaks plain HTTP to its sidecar`);
      const params: FaultParams = {
        runId,
        arm,
        cluster: armClusterName(runId, arm),
        dependency,
        proxy: proxyName(runId, arm, dependency),
        fault,
      };
      return {
        id: `fault:${arm}:${dependency}`,
        kind: 'aws.fault',
        params,
        standsOn: [clusterChangeId(arm)],
        does: `sets the fault "${fault.mode}" at every sidecar of ${arm} on calls to ${dependency}, and nobody else's`,
        undo: 'lets them through again; without Haldane, each sidecar does it when the lease ends',
      };
    },
    request: () => cannot('put a fault on the requests of an arm'),
    host: () => cannot('restart the instances of an arm'),
    twins,
    async probe(runId, arm, dependency, signal) {
      const [one] = (await sidecars?.of(runId, arm, signal)) ?? [];
      if (one === undefined) throw new HaldaneError('gone', `no instance of ${armClusterName(runId, arm)} has a sidecar to probe`);
      return one.client.check(proxyName(runId, arm, dependency), '/', signal);
    },
  };
}

/** In the words of a plan: what an arm's instance is told that production's is not. */
function difference({ dependencies, intake }: Deployment, sidecars: Sidecars | null): string {
  const variables = [...dependencies.map((one) => one.env), ...intake.flatMap((one) => Object.keys(one.off))];
  return `starts Haldane's router (port ${sidecars?.port ?? 0}) and sets ${variables.join(', ')} in /etc/haldane/arm.env`;
}
