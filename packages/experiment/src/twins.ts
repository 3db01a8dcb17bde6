import { arms, HaldaneError, type Run, type Scenario, type TwinOf } from '@haldane/core';
import type { Session } from './session.ts';
import type { World } from './world.ts';

/**
 * Whether both twins stand, and are as far from what they were made like as each other. By what they are called there, alerts about
 * them are known.
 */
export async function twinsReady(session: Session, run: Run, signal: AbortSignal): Promise<'ready' | 'unequal'> {
  const { world, deployment } = session;
  const contact = world.scenario.contact(run.experiment.scenario.params);
  const { twins } = world.platform.faults;
  if (contact.unit !== 'twin' || twins === undefined) throw new HaldaneError('internal', `${world.scenario.id} has no twins here`);
  const [control, experiment] = await Promise.all(arms.map((arm) => twins.describe(deployment, run.id, arm, contact.order, signal)));
  if (!control || !experiment)
    throw new HaldaneError('not-healthy', `the ${control ? 'experiment' : 'control'} twin of ${contact.order.like} is not there`);
  await session.called({ control: control.names, experiment: experiment.names });
  const passed = control.differs.join() === experiment.differs.join();
  const unlike = (differs: readonly string[]) => differs.join('; ') || 'nothing differs';
  await session.check({
    name: 'arms-equal',
    at: world.clock.now(),
    passed,
    seen: passed
      ? `twins of ${contact.order.like}: ${unlike(experiment.differs)}`
      : `twins of ${contact.order.like}: in control ${unlike(control.differs)}, in the experiment ${unlike(experiment.differs)}`,
  });
  return passed ? 'ready' : 'unequal';
}

/** Of what the run makes twins; null: of nothing. */
export function twinOf(scenario: Scenario, { experiment }: Run): TwinOf | null {
  const contact = scenario.contact(experiment.scenario.params);
  return contact.unit === 'twin' ? contact.order.of : null;
}

/** In words, what uses the run's twins: while something stands behind them, their harm is somebody's. Nothing for a run that makes none. */
export async function twinsUsed({ platform, scenario }: World, run: Run, signal: AbortSignal): Promise<readonly string[]> {
  const contact = scenario.contact(run.experiment.scenario.params);
  const { twins } = platform.faults;
  if (contact.unit !== 'twin' || twins === undefined) return [];
  const used = await Promise.all(arms.map((arm) => twins.usedBy(run.id, arm, contact.order, signal)));
  return used.filter((one) => one !== null);
}
