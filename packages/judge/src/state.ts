import type { Block, Check, Criteria, Phase } from '@haldane/core';
import { type HealthState, healthy, stepHealth } from './arms.ts';
import { type BaselineState, beginBaseline, stepBaseline } from './baseline-state.ts';
import { addByArm, type ByArm, noneByArm } from './block-sums.ts';
import { type ContactState, contactOf, noContact, stepContact } from './contact.ts';
import { beginHarm, freezeHarm, type HarmState, stepHarm } from './harm.ts';
import { type HostileState, noHostile, stepHostile } from './hostile.ts';
import { type Keys, noKeys, stepKeys } from './keys.ts';
import { beginProvingUsers, type ProvingUsers, stepProvingUsers } from './proving-users.ts';
import { footOfRamp, type RampState, stepRamp } from './ramp.ts';
import { beginSpillover, type SpilloverState, stepSpillover } from './spillover.ts';
import { beginOpen, type OpenState, stepOpen } from './suspected-open.ts';

/**
 * All that the judge remembers: plain JSON of constant size. It is a function of the criteria, the blocks and the moment of the
 * effect alone, so the same log gives the same state however it was cut into pieces.
 */
export type JudgeState = {
  readonly criteria: Criteria;
  readonly lastAt: number | null;
  readonly phase: Phase | null;
  /** Whole seconds that are missing before the last block, within its phase. */
  readonly missing: number;
  /** Epoch ms from which the change was surely made; null before. */
  readonly injectedAt: number | null;
  /** First block of the phase, and how many there were. */
  readonly proving: { readonly from: number; readonly seconds: number } | null;
  readonly observing: { readonly from: number; readonly seconds: number } | null;
  readonly keys: Keys;
  readonly baseline: BaselineState;
  readonly health: HealthState;
  readonly contact: ContactState;
  readonly hostile: HostileState;
  readonly provingUsers: ProvingUsers;
  readonly harm: HarmState;
  /** Requests that repeated an earlier one while observing; null where nobody can tell. */
  readonly retries: ByArm<number> | null;
  readonly open: OpenState | null;
  readonly spillover: SpilloverState | null;
  readonly ramp: RampState;
  readonly budget: Block['budget'] & { readonly narrowedSeconds: number };
};

export function beginState(criteria: Criteria): JudgeState {
  return {
    criteria,
    lastAt: null,
    phase: null,
    missing: 0,
    injectedAt: null,
    proving: null,
    observing: null,
    keys: noKeys,
    baseline: beginBaseline(criteria),
    health: healthy,
    contact: noContact,
    hostile: noHostile,
    provingUsers: beginProvingUsers(criteria),
    harm: beginHarm(criteria),
    retries: null,
    open: null,
    spillover: null,
    ramp: footOfRamp,
    budget: { spent: 0, cap: criteria.spec.budget.failures, credit: 0, narrowedSeconds: 0 },
  };
}

/** Blocks of these phases are evidence; what comes while things are put back is not. */
const judged: readonly Phase[] = ['baseline', 'injecting', 'proving', 'observing'];

/** Whether this block would be folded in: of a phase that counts, and newer than the last. */
export function counts(state: Pick<JudgeState, 'lastAt'>, block: Block): boolean {
  return judged.includes(block.phase) && (state.lastAt === null || block.at > state.lastAt);
}

/** One closed block further. A block that does not count changes nothing. */
export function foldBlock(state: JudgeState, block: Block, checks: readonly Check[]): JudgeState {
  if (!counts(state, block)) return state;
  const { criteria } = state;
  const time = stepTime(state, block, checks);
  // A second that began before the effect was seen holds answers from before it: what it refused proves nothing.
  const since = time.injectedAt !== null && block.at * 1000 >= time.injectedAt;
  const contact = stepContact(state.contact, block);
  const harm = stepUsers(state, block);
  const { open, spillover, provingUsers } = stepAfter(state, block, since);
  // Every field by name: a thousand runs a second are copied here.
  return {
    criteria,
    lastAt: block.at,
    phase: block.phase,
    missing: time.missing,
    injectedAt: time.injectedAt,
    proving: time.proving,
    observing: time.observing,
    keys: stepKeys(state.keys, block),
    baseline: block.phase === 'baseline' ? stepBaseline(state.baseline, block, criteria, state.keys) : state.baseline,
    health: stepHealth(state.health, block, criteria, block.phase !== state.phase),
    contact,
    hostile: stepHostile(state.hostile, block, since, contactOf(contact, criteria) > 0),
    provingUsers,
    harm,
    ramp: block.phase === 'observing' ? stepRamp(state.ramp, block, harm, criteria) : state.ramp,
    retries:
      block.phase === 'observing' && block.retries !== undefined ? addByArm(state.retries ?? noneByArm, block.retries) : state.retries,
    open,
    spillover,
    budget: {
      cap: block.budget.cap,
      credit: block.budget.credit,
      spent: Math.max(state.budget.spent, block.budget.spent),
      ...(block.budget.users === undefined
        ? {}
        : { users: { cap: block.budget.users.cap, spent: Math.max(state.budget.users?.spent ?? 0, block.budget.users.spent) } }),
      narrowedSeconds: state.budget.narrowedSeconds + (block.narrowed ? 1 : 0),
    },
  };
}

/** Harm to users; what counts as slow is frozen before the first block after the change. */
function stepUsers(state: JudgeState, block: Block): HarmState {
  const { criteria, keys } = state;
  const harm = state.spillover === null && isAfter(block) ? freezeHarm(state.harm, state.baseline.warmUp, criteria) : state.harm;
  return block.phase === 'observing' ? stepHarm(harm, block, criteria, keys) : harm;
}

/** Where in the run this block lies. */
function stepTime(
  state: JudgeState,
  block: Block,
  checks: readonly Check[],
): Pick<JudgeState, 'missing' | 'injectedAt' | 'proving' | 'observing'> {
  const sameRun = block.phase === state.phase && state.lastAt !== null;
  const span = (name: 'proving' | 'observing') =>
    block.phase === name ? { from: state[name]?.from ?? block.at, seconds: (state[name]?.seconds ?? 0) + 1 } : state[name];
  return {
    // Seconds that passed while a stage was busy are no hole in the data: a source is silent only within a phase.
    missing: sameRun ? secondsMissing(state.lastAt ?? block.at, block, checks) : 0,
    injectedAt: state.injectedAt ?? (isAfter(block) ? (checks.find((check) => check.name === 'effect')?.at ?? block.at * 1000) : null),
    proving: span('proving'),
    observing: span('observing'),
  };
}

/**
 * Whole seconds without evidence before a block. Those in which one runner handed the run to another are known to be without: nobody watched, and
 * the routers kept the budget.
 */
function secondsMissing(last: number, { at }: Block, checks: readonly Check[]): number {
  if (at - last === 1) return 0;
  const takenOver = checks.filter((check) => check.name === 'taken-over' && check.at < (at + 1) * 1000).at(-1);
  const since = takenOver === undefined ? last : Math.max(last, Math.floor(takenOver.at / 1000));
  return Math.max(0, at - since - 1);
}

/** What is watched from the change on; its bands are frozen as the baseline ends. */
function stepAfter(state: JudgeState, block: Block, since: boolean): Pick<JudgeState, 'open' | 'spillover' | 'provingUsers'> {
  const { criteria } = state;
  const { open, spillover, provingUsers } =
    state.spillover === null && isAfter(block)
      ? {
          open: beginOpen(criteria, state.hostile.before),
          spillover: beginSpillover(criteria, state.baseline, state.keys.seen.control + state.keys.seen.experiment > 0),
          provingUsers: state.provingUsers,
        }
      : state;
  if (!since || open === null || spillover === null) return { open, spillover, provingUsers };
  return {
    open: stepOpen(open, block, criteria),
    spillover: stepSpillover(spillover, block),
    provingUsers: block.phase === 'proving' ? stepProvingUsers(provingUsers, block) : provingUsers,
  };
}

function isAfter(block: Block): boolean {
  return block.phase === 'proving' || block.phase === 'observing';
}

/** Seconds that surely passed since the change, by the end of the last block. */
export function secondsSinceInjection(state: JudgeState): number {
  if (state.injectedAt === null || state.lastAt === null) return 0;
  return Math.max(0, state.lastAt + 1 - state.injectedAt / 1000);
}

/** Seconds under watch, by the end of the last block. */
export function watchedSeconds({ observing, lastAt }: Pick<JudgeState, 'observing' | 'lastAt'>): number {
  return observing === null || lastAt === null ? 0 : lastAt + 1 - observing.from;
}
