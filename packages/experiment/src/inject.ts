import { type Arm, type Change, type DependencyProbe, HaldaneError, messageOf, type Run } from '@haldane/core';
import type { Session } from './session/session.ts';

/** How long the effect probe may take to see the fault. */
const effectWithinMs = 5_000;

/**
 * Shows that the fault is there, in the experiment only: asks the platform what each arm's call to the dependency meets, or what its twin says.
 * The first sight of it starts the clock of the alert. A hostile request is its own effect.
 */
export async function probeEffect(session: Session, run: Run, injectedAt: number, signal: AbortSignal): Promise<void> {
  const { world, criteria } = session;
  if (criteria.act === 'request') {
    await seen(session, injectedAt, run.experiment.fault, 'hostile requests flow into the experiment');
    return;
  }
  const asked = askedFor(session, run);
  if (asked === null || criteria.changes === 0) return;
  const until = world.clock.now() + effectWithinMs;
  for (;;) {
    const experiment = await ask(asked, 'experiment', signal);
    if (experiment.faulted === true) {
      const control = await ask(asked, 'control', signal);
      await seen(
        session,
        world.clock.now(),
        control.faulted === false,
        `experiment's ${asked.what}: ${experiment.seen}; control's: ${control.seen}`,
      );
      return;
    }
    if (world.clock.now() >= until) {
      await session.check({
        name: 'effect',
        at: world.clock.now(),
        passed: false,
        seen: `experiment's ${asked.what}: ${experiment.seen}`,
      });
      return;
    }
    await world.clock.sleep(100, signal);
  }
}

/** Shows that the fault is gone, while the arm that felt it is still there. Shown once, it needs no second look. */
export async function probeHeal(session: Session, run: Run, signal: AbortSignal): Promise<void> {
  const asked = askedFor(session, run);
  if (asked === null || session.effectAt === null || session.lastCheck('heal')?.passed) return;
  const after = await ask(asked, 'experiment', signal);
  await session.check({
    name: 'heal',
    at: session.world.clock.now(),
    passed: after.faulted === false,
    seen: `experiment's ${asked.what}: ${after.seen}`,
  });
}

/**
 * Shows, before it is taken back, whether somebody else has done so already: the best that can come of an alert. Looked at once: from then on
 * Haldane takes it back itself, and restoring may be tried again. A twin that is gone altogether says nothing.
 */
export async function lookContained(session: Session, run: Run, signal: AbortSignal): Promise<void> {
  const asked = askedFor(session, run);
  if (!asked?.isOpenToOthers || session.effectAt === null || session.lastCheck('contained') !== null) return;
  const whileApplied: Asked['ask'] = async (arm, bounded) => {
    const entries = await session.world.journal.entries(run.id);
    const isApplied = ({ id }: Change) => entries.some(({ change, state }) => change.id === id && state === 'applied');
    if (!session.list.inject.every(isApplied)) throw new HaldaneError('gone', 'Haldane has begun to take it back itself');
    return asked.ask(arm, bounded);
  };
  const now = await ask({ ...asked, ask: whileApplied }, 'experiment', signal);
  await session.check({
    name: 'contained',
    at: session.world.clock.now(),
    passed: now.faulted === false,
    seen: `experiment's ${asked.what}: ${now.seen}`,
  });
}

async function seen(session: Session, at: number, passed: boolean, words: string): Promise<void> {
  session.effectAt = at;
  await session.world.evidence.append(session.hand.hold.fence, { effectAt: at });
  await session.check({ name: 'effect', at, passed, seen: words });
}

/** Who is asked what the fault does: the platform, for a call to the dependency as the arm makes it, or for the arm's twin. */
type Asked = {
  readonly what: string;
  /** Somebody beside Haldane can take the fault away. */
  readonly isOpenToOthers: boolean;
  readonly ask: (arm: Arm, signal: AbortSignal) => Promise<DependencyProbe>;
};

function askedFor(session: Session, run: Run): Asked | null {
  const { world, list, criteria } = session;
  const { faults } = world.platform;
  const contact = world.scenario.contact(criteria.spec.scenario.params);
  if (contact.unit === 'dependency-call')
    return {
      what: `call to ${contact.dependency}`,
      isOpenToOthers: false,
      ask: (arm, signal) => faults.probe(run.id, arm, contact.dependency, signal),
    };
  const [fault] = list.inject;
  const { twins } = faults;
  if (contact.unit !== 'twin' || twins === undefined || fault === undefined) return null;
  return { what: 'twin', isOpenToOthers: true, ask: (arm, signal) => twins.probe(fault, arm, signal) };
}

/** What the arm's call met; `faulted` null: it could not be asked, which is no answer. */
async function ask(
  asked: Asked,
  arm: Arm,
  signal: AbortSignal,
): Promise<Omit<DependencyProbe, 'faulted'> & { readonly faulted: boolean | null }> {
  try {
    return await asked.ask(arm, signal);
  } catch (error) {
    return { faulted: null, seen: `could not be asked: ${messageOf(error)}` };
  }
}
