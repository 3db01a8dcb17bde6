import type { Hook } from '../aws-calls.ts';
import { MemoryAccount } from './memory-account.ts';
import type { Others } from './others.ts';
import { type ServiceStand, twinOfs, twinScenarios } from './service-stand.ts';

const { signal } = new AbortController();

/** The service in an account of its own in memory. */
export async function memoryStand(mark: string): Promise<ServiceStand> {
  const account = new MemoryAccount();
  const settings = { Protocol: 'HTTP', Port: 8080, VpcId: 'vpc-1', HealthCheckPath: '/healthz' };
  const production = await account.balancing.addTargetGroup(`${mark}-targets`, settings, { team: 'payments' }, signal);
  const theirs = await account.balancing.addTargetGroup(`${mark}-theirs`, settings, {}, signal);
  const side = await account.balancing.addTargetGroup(`${mark}-side`, settings, {}, signal);
  account.register(side.arn, [
    { id: '10.0.0.1', port: 8080, state: 'healthy' },
    { id: '10.0.0.2', port: 8080, state: 'healthy' },
    { id: '10.0.0.9', port: 9800, state: 'healthy' },
  ]);
  account.addTemplate(`${mark}-template`, 1);
  for (const of of twinOfs)
    account.twins[of].addOriginal(`${mark}-${of}`, [`what a ${of} has`], {
      team: 'payments',
      'haldane:opt-in': twinScenarios[of].join(' '),
    });
  const listener = account.addListener(`${mark}-alb`, 80, [{ Type: 'forward', TargetGroupArn: production.arn }]);
  await account.groups.addGroup(
    {
      name: `${mark}-production`,
      template: { id: `${mark}-template`, version: '1' },
      instances: 2,
      targetGroup: production.arn,
      settings: { VPCZoneIdentifier: 'subnet-1,subnet-2', HealthCheckType: 'ELB', HealthCheckGracePeriod: 60 },
      tags: [{ key: 'team', value: 'payments', atLaunch: true }],
    },
    signal,
  );
  const others: Others = {
    add: async (of, name) => account.twins[of].write(name, null),
    replace: async (of, name, fault) => account.twins[of].write(name, fault),
    look: async () => null,
  };
  const hooks: Hook[] = [];
  const addHook = async (hook: Hook) => {
    hooks.push(hook);
    account.editGroup(`${mark}-production`, { hooks });
  };
  return { calls: account, mark, runId: `${mark}r`, listener, theirs: theirs.arn, beside: twinOfs, others, addHook };
}
