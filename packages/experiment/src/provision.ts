import type { Arm, ClusterState, Run } from '@haldane/core';
import { arms, HaldaneError, timesOf } from '@haldane/core';
import { clusterName, type Session } from './session.ts';

/** How long instances may take to become healthy. */
const readyMs = 90_000;

/** Whether both arms are up and healthy, and then whether they are equal. Throws `not-healthy` when they are not in time. */
export async function armsReady(session: Session, run: Run, since: number, signal: AbortSignal): Promise<'ready' | 'waiting' | 'unequal'> {
  const states = await Promise.all(arms.map((arm) => session.world.platform.clusters.describe(clusterName(run.id, arm), signal)));
  const wanted = (arm: Arm) => run.experiment.instances * timesOf(run.experiment, arm);
  const ready = arms.every((arm, i) => states[i]?.instances.length === wanted(arm) && states[i].instances.every((one) => one.healthy));
  if (!ready) {
    const waited = session.world.clock.now() - since;
    if (waited > (session.world.platform.patience?.readyMs ?? readyMs))
      throw new HaldaneError('not-healthy', `the arms did not become healthy in ${Math.round(waited / 1000)} s: ${words(states)}`);
    return 'waiting';
  }
  const equal = await armsEqual(session, states);
  await session.called({ control: names(states[0]), experiment: names(states[1]) });
  return equal ? 'ready' : 'unequal';
}

async function armsEqual(session: Session, states: readonly (ClusterState | null)[]): Promise<boolean> {
  const revisions = states.map((state) => state?.revision ?? 'none');
  const passed = revisions[0] === revisions[1] && revisions[0] === session.deployment.revision;
  await session.check({
    name: 'arms-equal',
    at: session.world.clock.now(),
    passed,
    seen: `control ${revisions[0]}, experiment ${revisions[1]}, live ${session.deployment.revision}, ${states.map((state) => state?.instances.length ?? 0).join(' and ')} instances`,
  });
  return passed;
}

function names(state: ClusterState | null | undefined): readonly string[] {
  return state?.instances.map((one) => one.name) ?? [];
}

function words(states: readonly (ClusterState | null)[]): string {
  return states
    .map(
      (state, index) =>
        `${arms[index]} ${state ? `${state.instances.filter((one) => one.healthy).length} of ${state.instances.length} healthy` : 'not there'}`,
    )
    .join(', ');
}
