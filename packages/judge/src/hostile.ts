import { type Accept, type Block, emptyProbeTally, type ProbeTally } from '@haldane/core';
import { addProbes, type ByArm, noProbes } from './block-sums.ts';

/** Answers to hostile requests: before the change, since it, and of the experiment since it first met the fault. */
export type HostileState = {
  readonly before: ByArm<ProbeTally>;
  readonly since: ByArm<ProbeTally>;
  readonly sinceContact: ProbeTally;
};

export const noHostile: HostileState = { before: noProbes, since: noProbes, sinceContact: noProbes.experiment };

/**
 * `since`: the effect was there from the start of this block; `met`: the experiment has met the fault by then. Seconds between the
 * baseline and then count for nothing but their accepts.
 */
export function stepHostile(state: HostileState, block: Block, since: boolean, met: boolean): HostileState {
  if (block.phase === 'baseline') return { ...state, before: addProbes(state.before, block.hostile) };
  if (!since)
    return {
      ...state,
      since: addProbes(state.since, { control: onlyAccepts(block.hostile.control), experiment: onlyAccepts(block.hostile.experiment) }),
    };
  return {
    ...state,
    since: addProbes(state.since, block.hostile),
    sinceContact: met
      ? addProbes({ control: state.sinceContact, experiment: state.sinceContact }, block.hostile).experiment
      : state.sinceContact,
  };
}

function onlyAccepts({ accepted }: ProbeTally): ProbeTally {
  return { ...emptyProbeTally, sent: accepted, accepted };
}

/** What is known of hostile requests that were let in. */
export type Breach = { readonly why: string; readonly confirmed: boolean; readonly older: boolean; readonly accepts: number };

/** In plain words that a hostile request was let in, whoever did and why; null when none was. */
export function letInAlready(accepts: readonly Accept[]): string | null {
  const first = accepts.find(({ outcome }) => outcome === 'accepted');
  return first === undefined ? null : `${wordsOf(first)} by ${first.arm === 'control' ? 'control' : 'the experiment'}`;
}

function wordsOf({ forgery, request, status }: Accept): string {
  return `a forged token (${forgery ?? 'no credential'}) was accepted on ${request}${status === null ? '' : ` with status ${status}`}`;
}

/**
 * A hostile request that was let in, by either arm and at any time; null when there is none. The answer of control to the identical
 * request says whether the change caused it or it is older; the service is vulnerable either way.
 */
export function breachOf(state: HostileState, accepts: readonly Accept[]): Breach | null {
  const letIn = accepts.filter((accept) => accept.outcome === 'accepted');
  const counted =
    state.before.control.accepted + state.before.experiment.accepted + state.since.control.accepted + state.since.experiment.accepted;
  const total = Math.max(letIn.length, counted);
  if (total === 0) return null;
  const first =
    letIn.find((accept) => accept.arm === 'experiment' && accept.confirmation !== null) ??
    letIn.find((accept) => accept.arm === 'experiment') ??
    letIn[0];
  const early = state.before.control.accepted + state.before.experiment.accepted > 0;
  if (first === undefined) {
    const where = state.since.experiment.accepted + state.before.experiment.accepted > 0 ? 'the experiment' : 'control';
    return {
      why: `${where} let in ${total} forged token${total === 1 ? '' : 's'}${early ? ' before any change was made' : ''}`,
      confirmed: false,
      older: early,
      accepts: total,
    };
  }
  const what = wordsOf(first);
  if (first.arm === 'control')
    return {
      why: `${what} by control, which was not changed: the flaw is older than the change`,
      confirmed: true,
      older: true,
      accepts: total,
    };
  if (early)
    return { why: `${what} before any change was made: the flaw is older than the change`, confirmed: true, older: true, accepts: total };
  switch (first.confirmation) {
    case 'denied':
    case 'leaky':
      return {
        why: `${what} by the experiment; control refused the identical request, so the change caused it`,
        confirmed: true,
        older: false,
        accepts: total,
      };
    case 'accepted':
      return {
        why: `${what} by the experiment and by control alike: the flaw is older than the change`,
        confirmed: true,
        older: true,
        accepts: total,
      };
    case 'incidental':
    case null:
      return {
        why: `${what} by the experiment; control gave no clear answer to the identical request`,
        confirmed: false,
        older: false,
        accepts: total,
      };
  }
}
