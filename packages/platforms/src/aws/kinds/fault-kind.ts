import { type Arm, type ChangeKind, type DependencyFault, HaldaneError, hasCode } from '@haldane/core';
import type { AwsWorld } from '../aws-world.ts';
import { each, type Sidecar, type Sidecars } from '../sidecars.ts';

export type FaultParams = {
  readonly runId: string;
  readonly arm: Arm;
  readonly cluster: string;
  readonly dependency: string;
  readonly proxy: string;
  readonly fault: DependencyFault;
};

/**
 * A fault on an arm's calls to a dependency, made by the sidecar of each of its instances. A sidecar that does not answer lets calls
 * through when the run's lease ends, so from then on its fault counts as gone; one whose instance is gone has none.
 */
export function faultKind({ sidecars, clock }: AwsWorld): ChangeKind<FaultParams, null> {
  const required = (): Sidecars => {
    if (sidecars === null) throw new HaldaneError('unavailable', 'no sidecar is configured here: set HALDANE_AWS_SIDECAR as it was');
    return sidecars;
  };
  const isFaulted = async (
    { client }: Sidecar,
    { runId, proxy }: Pick<FaultParams, 'runId' | 'proxy'>,
    signal: AbortSignal,
  ): Promise<boolean> => {
    try {
      const { proxies } = await client.view(signal);
      return proxies.some((one) => one.proxy === proxy && one.fault !== null);
    } catch (error) {
      if (!hasCode(error, 'unavailable')) throw error;
      if (clock.now() >= required().until(runId)) return false;
      throw error;
    }
  };
  return {
    kind: 'aws.fault',
    capture: () => Promise.resolve(null),
    async apply({ runId, arm, cluster, proxy, fault }, _before, signal) {
      const all = await required().of(runId, arm, signal, true);
      if (all.length === 0) throw new HaldaneError('gone', `no instance of ${cluster} has a sidecar, so its calls cannot be faulted`);
      await each(all, async ({ client }) => {
        await client.renew(runId, required().until(runId), signal);
        await client.setFault(proxy, fault, signal);
      });
      const felt = await each(all, (one) => isFaulted(one, { runId, proxy }, signal));
      if (!felt.every(Boolean))
        throw new HaldaneError('lease-lost', `the lease of run ${runId} ended before every sidecar of ${cluster} had its fault`);
    },
    async revert(params, _before, signal) {
      required().letEnd(params.runId);
      const all = await required().of(params.runId, params.arm, signal, true);
      await each(all, async (one) => {
        if (await isFaulted(one, params, signal)) await one.client.clearFault(params.proxy, signal);
      });
    },
    async isReverted(params, _before, signal) {
      const all = await required().of(params.runId, params.arm, signal, true);
      return (await each(all, (one) => isFaulted(one, params, signal))).every((faulted) => !faulted);
    },
  };
}
