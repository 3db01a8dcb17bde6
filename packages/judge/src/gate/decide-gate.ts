import type { GateAnswer, GateEntry, GateFinding, GateStanding, JudgedRun, ServiceRef } from '@haldane/core';
import { owedOf } from '../choice/put-off.ts';
import { isAnswer, type Live, type Stood, standingOf } from './standing.ts';

/** All that an answer of the gate rests on. Runs and entries are newest first; `now` is epoch ms by the clock of the entries. */
export type GateCase = ServiceRef & {
  readonly revision: string;
  /** What the pipeline says is live; null when it does not say. */
  readonly live: string | null;
  /** Whether a pipeline said earlier that the revision is live. */
  readonly wasLive: boolean;
  readonly now: number;
  readonly runs: readonly JudgedRun[];
  readonly modes: readonly GateEntry<'mode'>[];
  readonly acceptances: readonly GateEntry<'acceptance'>[];
  readonly resolutions: readonly GateEntry<'resolution'>[];
  readonly broken: readonly GateEntry<'break-glass'>[];
  readonly asked: readonly GateEntry<'ask'>[];
  readonly choices: readonly GateEntry<'choice'>[];
  readonly cameIn: readonly GateEntry<'came-in'>[];
};

/**
 * What a pipeline is told that wants to go on with a revision. Pure. Only what is proven and new blocks, and only in mode `block`; what is
 * not known is never silent there. A way back to what was live is always open, and so is broken glass.
 */
export function decideGate(asked: GateCase): GateAnswer {
  const { service, environment, revision, runs } = asked;
  // What was held is not what the next one is to be measured by.
  const heldBefore = new Set(asked.asked.filter(({ blocking }) => blocking.length > 0).map((one) => one.revision));
  const taken = runs.find((run) => run.revision !== revision && !heldBefore.has(run.revision))?.revision;
  const live: Live | null =
    asked.live !== null ? { revision: asked.live, said: true } : taken === undefined ? null : { revision: taken, said: false };
  const chosen = asked.choices.flatMap(({ run, later }) => [...run, ...later]);
  const names = [...new Set([...[...asked.modes, ...runs].map(({ experiment }) => experiment), ...chosen])].sort();
  const findings = names.map((experiment) => findingOf(experiment, live, asked));
  const answer = { service, environment, revision, live: live?.revision ?? null, findings, record: recordOf(asked) };
  const told = (decision: GateAnswer['decision'], why: string, open: GateAnswer['open'] = null): GateAnswer => ({
    ...answer,
    decision,
    why,
    open,
  });

  if (asked.live === revision) return told('allow', `${revision} is live already`, 'live');
  if (asked.wasLive) return told('allow', `${revision} was live before: the way back is always open`, 'was-live');
  const glass = asked.broken.find((one) => one.revision === revision);
  if (glass !== undefined) return told('allow', `${glass.who} broke the glass for ${revision}: ${glass.why}`, 'glass');
  const held = (decision: GateAnswer['decision']) => findings.filter((one) => effectOf(one) === decision);
  for (const decision of ['block', 'warn'] as const) {
    const these = held(decision);
    if (these.length > 0) return told(decision, these.map(({ says }) => says).join('; '));
  }
  const reported = findings.filter(({ blocks, accepted }) => blocks && accepted === null);
  if (reported.length > 0)
    return told('allow', `mode report; in mode block this would be held: ${reported.map(({ says }) => says).join('; ')}`);
  return told('allow', findings.length === 0 ? `no experiment was run on ${service} in ${environment} yet` : 'nothing speaks against it');
}

/** How one experiment stands at the case's revision, against what is live, and what that does. */
export function findingOf(experiment: string, live: Live | null, asked: Omit<GateCase, 'live' | 'wasLive' | 'broken'>): GateFinding {
  const { revision, modes } = asked;
  const set = modes.find((one) => one.experiment === experiment);
  const on = evidenceOf(experiment, revision, asked);
  const { standing, run } = stoodAt(experiment, on, live, asked);
  const accepted = answerTo(experiment, asked);
  const cameIn = asked.cameIn.find((one) => one.experiment === experiment && one.bad === revision);
  const more = [
    on === revision ? null : `nothing that touches it has changed since ${on}`,
    cameIn === undefined || run?.verdict !== 'vulnerable' ? null : cameIn.why,
    accepted === null ? null : `${accepted.until === null ? 'resolved' : 'accepted'} by ${accepted.who}: ${accepted.why}`,
  ].filter((one) => one !== null);
  return {
    experiment,
    mode: set?.mode ?? 'report',
    standing,
    blocks:
      standing === 'regressed' ||
      standing === 'let-in' ||
      standing === 'owed' ||
      (set?.debt === true && (standing === 'debt' || standing === 'live-unknown')),
    accepted,
    runId: run?.id ?? null,
    says: [
      `${experiment}: ${words[standing](on, live?.revision ?? 'the live revision')}${run === null ? '' : ` (run ${run.id})`}`,
      ...more,
    ].join('; '),
  };
}

/** What the owner, or a risk owner for a time, has said to the finding. */
function answerTo(
  experiment: string,
  { revision, resolutions, acceptances, now }: Pick<GateCase, 'revision' | 'resolutions' | 'acceptances' | 'now'>,
): GateFinding['accepted'] {
  const resolved = resolutions.find((one) => one.experiment === experiment && one.revision === revision);
  if (resolved !== undefined) return { who: resolved.who, why: resolved.why, until: null };
  const accepted = acceptances.find((one) => one.experiment === experiment && one.until > now);
  return accepted === undefined ? null : { who: accepted.who, why: accepted.why, until: accepted.until };
}

/** How it stands by its runs; and, where they have no answer, whether it was put off, now or before. */
function stoodAt(
  experiment: string,
  on: string,
  live: Live | null,
  { revision, runs, choices }: Pick<GateCase, 'revision' | 'runs' | 'choices'>,
): Stood {
  const own = runs.filter((one) => one.experiment === experiment);
  const compared = live === null ? null : { ...live, revision: evidenceOf(experiment, live.revision, { runs, choices }) };
  const stood = standingOf(own, on, compared);
  if (stood.standing !== 'untested' && stood.standing !== 'undecided') return stood;
  if (owedOf(experiment, revision, choices, runs) !== null) return { ...stood, standing: 'owed' };
  const putOff = choices.find((one) => one.revision === revision)?.later.includes(experiment) === true;
  return putOff ? { ...stood, standing: 'put-off' } : stood;
}

/** The revision whose runs speak for this one: its own; or, when it has no answer, the one whose evidence was found to stand for it. */
function evidenceOf(experiment: string, revision: string, { runs, choices }: Pick<GateCase, 'runs' | 'choices'>): string {
  if (runs.some((run) => run.experiment === experiment && run.revision === revision && isAnswer(run))) return revision;
  const chosen = choices.find((one) => one.revision === revision);
  return chosen?.stands.find((one) => one.experiment === experiment)?.on ?? revision;
}

function effectOf({ mode, blocks, standing, accepted }: GateFinding): GateAnswer['decision'] {
  if (mode === 'report' || standing === 'passed' || accepted !== null) return 'allow';
  return blocks ? mode : 'warn';
}

/** What was held, or would have been, and how much of it a second run on fresh arms found too. */
function recordOf({ asked, runs }: GateCase): GateAnswer['record'] {
  const held = new Set(asked.flatMap(({ revision, blocking }) => blocking.map((experiment) => JSON.stringify([revision, experiment]))));
  const found = new Map<string, number>();
  for (const { revision, experiment, verdict } of runs) {
    const key = JSON.stringify([revision, experiment]);
    if (verdict === 'vulnerable') found.set(key, (found.get(key) ?? 0) + 1);
  }
  return { blocking: held.size, confirmed: [...held].filter((key) => (found.get(key) ?? 0) >= 2).length };
}

const words: Readonly<Record<GateStanding, (revision: string, live: string) => string>> = {
  passed: (revision) => `resilient at ${revision}`,
  regressed: (revision, live) => `regressed: vulnerable at ${revision}, resilient at ${live}`,
  'let-in': (revision, live) => `${revision} lets in what ${live} refuses`,
  debt: (revision, live) => `vulnerable at ${revision}, and at ${live} too`,
  'live-unknown': (revision, live) =>
    `vulnerable at ${revision}, but nothing that is known to be live has a verdict to compare with; run it on ${live} first, and say what is live`,
  unproven: (revision) => `vulnerable at ${revision}, but not proven enough to hold a deploy; run it again to confirm`,
  undecided: (revision) => `no answer at ${revision}; run it again`,
  untested: (revision) => `not run at ${revision}`,
  'put-off': (revision) => `not run at ${revision}; it is put off until after the deploy, and the next one waits for it`,
  owed: (revision) => `put off at an earlier deploy and not run since; run it where that is live, or at ${revision}`,
};
