import { type Deployment, type FaultPlane, HaldaneError } from '@haldane/core';
import type { DoorParams } from './kinds/door-kind.ts';
import type { TargetsParams } from './kinds/targets-kind.ts';
import { targetGroupChangeId, targetGroupName } from './names.ts';

/** What an arm is launched with here: a target group of its own and a shut door to it. It can be reached, but not yet be harmed. */
export function awsFaults(): FaultPlane {
  const cannot = (what: string): never => {
    throw new HaldaneError('refused', `the aws platform cannot ${what}: its instances are launched without a proxy on their dependencies`);
  };
  return {
    can: ['synthetic-reach'],
    wire({ source, route }: Deployment, arm, runId) {
      const name = targetGroupName(runId, arm);
      const targets: TargetsParams = { runId, arm, name, source, route };
      const door: DoorParams = { runId, arm, route, targetGroup: name };
      return {
        dependencies: [],
        changes: [
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
        ],
      };
    },
    dependency: () => cannot('put a fault on a dependency'),
    request: () => cannot('put a fault on the requests of an arm'),
    host: () => cannot('restart the instances of an arm'),
    probe: () => cannot('call a dependency as an arm does'),
  };
}
