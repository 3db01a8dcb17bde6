import type { Deployment, Run, SafetyPolicy, Scenario } from '@haldane/core';

type Ruled = { readonly policy?: SafetyPolicy; readonly scenario: Scenario };

/** Why the policy does not let the run go on now, a sentence each; empty when it does, and where there is none. */
export async function objectionsTo(
  { policy, scenario }: Ruled,
  run: Pick<Run, 'id' | 'service' | 'environment' | 'experiment' | 'createdAt'>,
  deployment: Deployment,
  signal: AbortSignal,
): Promise<readonly string[]> {
  return (await policy?.objections({ run, deployment, scenario }, signal)) ?? [];
}

/** Sets the run's failures aside from its service's month. Why that cannot be, or nothing. */
export async function reserveFor({ policy, scenario }: Ruled, run: Run, deployment: Deployment): Promise<readonly string[]> {
  const why = await policy?.reserve({ run, deployment, scenario });
  return why === undefined || why === null ? [] : [why];
}
