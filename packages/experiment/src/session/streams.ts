import { arms, HaldaneError, type Run } from '@haldane/core';
import type { Session } from './session.ts';

/** Starts the synthetic requests that flow in the run's phase; the arms must be attached. A run that was taken over begins its streams again. */
export async function startStreams(session: Session, run: Run, signal: AbortSignal): Promise<void> {
  const { world, deployment, criteria } = session;
  const [control, experiment] = await Promise.all(arms.map((arm) => world.platform.traffic.reach(deployment, run.id, arm, signal)));
  if (control === undefined || experiment === undefined) throw new HaldaneError('internal', 'an arm has no reach');
  const streams = world.scenario.probes(run.experiment.scenario.params, deployment, run.experiment);
  const probes = await world.prober.start({ synthetic: deployment.synthetic, streams, seed: run.id }, { control, experiment }, signal);
  session.probes = probes;
  const isInjected = run.facts.injectedAt !== undefined && run.experiment.fault;
  for (const arm of arms) {
    // Where hostile requests are themselves the act, control is never sent one.
    const hostile = criteria.act === 'change' || (isInjected && arm === 'experiment');
    probes.flow(arm, hostile ? ['legitimate', 'hostile'] : ['legitimate']);
  }
}
