import type { Candidate, Choice, DiffSince, GateMode, ServiceRef, Touched, Weighed } from '@haldane/core';

/** All that a choice rests on. `now`: epoch ms. `modes`: what the gate does about an experiment; `report` when it is not named. */
export type ChoiceCase = ServiceRef & {
  readonly revision: string;
  readonly now: number;
  readonly candidates: readonly Candidate[];
  readonly differences: readonly DiffSince[];
  readonly modes: ReadonlyMap<string, GateMode>;
  /** What the runs before the deploy may take together; null: as long as they take. */
  readonly maxSeconds: number | null;
};

/**
 * What counts when not all fit: whoever was put off before comes first; then what the gate may hold; then what nobody knows of, or where a
 * fix is to be shown; each kind of thing that was touched; and each day of the evidence's age.
 */
export const weights = { owed: 1000, block: 100, warn: 50, unknown: 30, vulnerable: 30, touch: 10, day: 1, mostDays: 30 } as const;

const dayMs = 86_400_000;

/**
 * Which experiments a deploy of this revision needs. Pure. Evidence stands only where the difference since its revision is known whole and
 * touches nothing of the experiment: what nobody can tell is run. Those to run are taken by score, and one that does not fit into the time
 * is put off until after the deploy.
 */
export function choose({ service, environment, revision, now, candidates, differences, modes, maxSeconds }: ChoiceCase): Choice {
  const stands: Weighed[] = [];
  const needed: Weighed[] = [];
  for (const one of candidates) {
    const { why, hits } = whyRun(one, revision, differences, now);
    if (hits === null) stands.push({ ...one, score: 0, why });
    else needed.push({ ...one, score: scoreOf(one, hits, modes.get(one.experiment) ?? 'report', now), why });
  }
  needed.sort((a, b) => b.score - a.score || a.seconds - b.seconds || (a.experiment < b.experiment ? -1 : 1));
  let left = maxSeconds ?? Number.POSITIVE_INFINITY;
  const run: Weighed[] = [];
  const later: Weighed[] = [];
  for (const one of needed) {
    if (one.seconds > left) {
      later.push(one);
      continue;
    }
    left -= one.seconds;
    run.push(one);
  }
  return { service, environment, revision, run, later, stands };
}

/** `hits`: what touches it, `unknown` when nobody can tell, null when its evidence stands. */
function whyRun(
  { verified, scenario, version, touchedBy, owed }: Candidate,
  revision: string,
  differences: readonly DiffSince[],
  now: number,
): { readonly why: string; readonly hits: readonly Touched[] | 'unknown' | null } {
  const debt = owed === null || owed === revision ? '' : `; it was put off at ${owed}`;
  if (verified === null) return { why: `no run of it has an answer yet${debt}`, hits: 'unknown' };
  const evidence = `run ${verified.runId}, ${ageOf(verified.at, now)} old, ${verified.verdict}`;
  // What attacks has changed: whether it would still fail to get in nobody has seen.
  const by = verified.scenario;
  if (by.id !== scenario || by.version !== version) {
    const was = by.version === null ? `of ${by.id} before its version was written down` : `of version ${by.version} of ${by.id}`;
    return { why: `its evidence is ${was} (${evidence}); it is now version ${version} of ${scenario}${debt}`, hits: 'unknown' };
  }
  if (verified.revision === revision) return { why: `answered at this very revision (${evidence})`, hits: null };
  const { revision: since } = verified;
  const touched = differences.find((one) => one.since === since)?.touched ?? null;
  if (touched === null) return { why: `nobody can tell what changed since ${since} (${evidence})${debt}`, hits: 'unknown' };
  const unknown = touched.filter(({ touch }) => touch === 'unknown');
  if (unknown.length > 0)
    return { why: `since ${since} changed what cannot be placed, and may be anything: ${wordsOf(unknown)}${debt}`, hits: 'unknown' };
  const hits = touchedBy === null ? touched : touched.filter(({ touch }) => touchedBy.includes(touch));
  if (hits.length > 0) return { why: `since ${since} changed ${wordsOf(hits)}${debt}`, hits };
  if (debt !== '') return { why: `nothing that touches it changed since ${since}${debt}`, hits: [] };
  const other = touched.length === 0 ? 'documents and tests at most' : wordsOf(touched);
  return { why: `its evidence of ${since} stands (${evidence}): what changed since is ${other}`, hits: null };
}

function scoreOf({ verified, owed }: Candidate, hits: readonly Touched[] | 'unknown', mode: GateMode, now: number): number {
  const days = verified === null ? 0 : Math.min(weights.mostDays, Math.floor(Math.max(0, now - verified.at) / dayMs));
  return (
    (owed === null ? 0 : weights.owed) +
    (mode === 'report' ? 0 : weights[mode]) +
    (hits === 'unknown' ? weights.unknown : hits.length * weights.touch) +
    (verified?.verdict === 'vulnerable' ? weights.vulnerable : 0) +
    days * weights.day
  );
}

function wordsOf(touched: readonly Touched[]): string {
  return touched
    .map(({ touch, count, says }) => {
      const more = count - says.length;
      return `${touch} (${says.join(', ')}${more > 0 ? ` and ${more} more` : ''})`;
    })
    .join(', ');
}

function ageOf(at: number, now: number): string {
  const hours = Math.max(0, now - at) / 3_600_000;
  if (hours < 1) return `${Math.round(hours * 60)} min`;
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`;
}
