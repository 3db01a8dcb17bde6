import type { Deployment, Run, SafetyPolicy, Scenario } from '@haldane/core';

type Ruled = { readonly policy?: SafetyPolicy; readonly scenario: Scenario };

/** Why the policy does not let the run begin now, a sentence each; empty when it does, and where there is none. */
export async function objectionsTo(
  { policy, scenario }: Ruled,
  run: Pick<Run, 'id' | 'service' | 'environment' | 'experiment' | 'createdAt'>,
  deployment: Deployment,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (policy === undefined) return [];
  const asked = { run, deployment, scenario };
  return (await Promise.all([policy.objections(asked, signal), policy.disturbances(asked, signal)])).flat();
}

/** Sets the run's failures aside from its service's month. Why that cannot be, or nothing. */
export async function reserveFor({ policy, scenario }: Ruled, run: Run, deployment: Deployment): Promise<readonly string[]> {
  const why = await policy?.reserve({ run, deployment, scenario });
  return why === undefined || why === null ? [] : [why];
}
