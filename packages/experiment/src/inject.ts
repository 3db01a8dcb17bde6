import { type Arm, type DependencyProbe, messageOf, type Run } from '@haldane/core';
import type { Session } from './session.ts';

/** How long the effect probe may take to see the fault. */
const effectWithinMs = 5_000;

/**
 * Shows that the fault is there, in the experiment only: asks the platform what each arm's call to the dependency meets.
 * The first sight of it starts the clock of the alert. A hostile request is its own effect.
 */
export async function probeEffect(session: Session, run: Run, injectedAt: number, signal: AbortSignal): Promise<void> {
  const { world, criteria } = session;
  if (criteria.act === 'request') {
    await seen(session, injectedAt, run.experiment.fault, 'hostile requests flow into the experiment');
    return;
  }
  const dependency = contactDependency(session);
  if (dependency === null || criteria.changes === 0) return;
  const until = world.clock.now() + effectWithinMs;
  for (;;) {
    const experiment = await ask(session, run, 'experiment', dependency, signal);
    if (experiment.faulted === true) {
      const control = await ask(session, run, 'control', dependency, signal);
      await seen(
        session,
        world.clock.now(),
        control.faulted === false,
        `experiment's call to ${dependency}: ${experiment.seen}; control's: ${control.seen}`,
      );
      return;
    }
    if (world.clock.now() >= until) {
      await session.check({
        name: 'effect',
        at: world.clock.now(),
        passed: false,
        seen: `experiment's call to ${dependency}: ${experiment.seen}`,
      });
      return;
    }
    await world.clock.sleep(100, signal);
  }
}

/** Shows that the fault is gone, while the arm that felt it is still there. */
export async function probeHeal(session: Session, run: Run, signal: AbortSignal): Promise<void> {
  const dependency = contactDependency(session);
  if (dependency === null || session.effectAt === null) return;
  const after = await ask(session, run, 'experiment', dependency, signal);
  await session.check({
    name: 'heal',
    at: session.world.clock.now(),
    passed: after.faulted === false,
    seen: `experiment's call to ${dependency}: ${after.seen}`,
  });
}

async function seen(session: Session, at: number, passed: boolean, words: string): Promise<void> {
  session.effectAt = at;
  await session.world.evidence.append(session.hand.hold.fence, { effectAt: at });
  await session.check({ name: 'effect', at, passed, seen: words });
}

function contactDependency(session: Session): string | null {
  const contact = session.world.scenario.contact(session.criteria.spec.scenario.params);
  return contact.unit === 'dependency-call' ? contact.dependency : null;
}

/** What the arm's call met; `faulted` null: it could not be asked, which is no answer. */
async function ask(
  session: Session,
  run: Run,
  arm: Arm,
  dependency: string,
  signal: AbortSignal,
): Promise<Omit<DependencyProbe, 'faulted'> & { readonly faulted: boolean | null }> {
  try {
    return await session.world.platform.faults.probe(run.id, arm, dependency, signal);
  } catch (error) {
    return { faulted: null, seen: `could not be asked: ${messageOf(error)}` };
  }
}
