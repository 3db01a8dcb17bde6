import { HaldaneError } from '@haldane/core';
import { criteriaOfSpec } from '@haldane/experiment';
import { type RehearsedSituation, rehearse } from '@haldane/judge';
import { rehearsalText } from '@haldane/reports';
import { scenarios } from '@haldane/scenarios';
import { readSpec } from './read-spec.ts';

export type RehearsalWishes = {
  readonly runs: number;
  readonly seed: number;
  /** Real requests a second on the route, in place of what the file says. */
  readonly rate: number | undefined;
  /** Failure rates (0..1) that the experiment should find. */
  readonly effects: readonly number[];
};

/** Where the file says nothing of traffic or of failures that come anyway. */
const assumedPerArm = 40;
const assumedBackground = 0.01;

/** Rehearses an experiment's own configuration; no stack is needed and nothing is touched. */
export async function rehearseFile(
  file: string,
  env: Readonly<Record<string, string>>,
  wishes: RehearsalWishes,
  progress: (words: string) => void,
): Promise<string> {
  const spec = await readSpec(file, env);
  const scenario = scenarios.find((one) => one.id === spec.scenario.id);
  if (scenario === undefined) throw new HaldaneError('unknown-id', `there is no scenario "${spec.scenario.id}"`);
  const route = wishes.rate ?? spec.expectedRate;
  const perSecond = route === null ? assumedPerArm : route * spec.share;
  const declared = spec.background ?? 0;
  const background = declared > 0 ? declared : assumedBackground;
  const rows: RehearsedSituation[] = [];
  const criteria = criteriaOfSpec(spec, scenario, 1);
  for (const { situation, done, of, row } of rehearse(criteria, { ...wishes, perSecond, background })) {
    progress(`${situation.says}: ${done} of ${of} runs`);
    if (row !== null) rows.push(row);
  }
  return [
    `Rehearsal of ${spec.name}: ${wishes.runs} runs a situation through the judge itself on a virtual clock, seed ${wishes.seed}.`,
    `${Number(perSecond.toPrecision(3))} requests a second in each arm${route === null ? ' (assumed; the file has no traffic)' : ''}, ${Number((background * 100).toPrecision(3))} % of them fail anyway${declared > 0 ? '' : ' (assumed; the file has no background)'}; ${spec.baselineSeconds} s baseline, ${spec.watchSeconds} s watch, budget ${spec.budget.failures}, alpha ${spec.alpha}, tolerated odds ${spec.tolerance.odds}.`,
    '',
    rehearsalText(rows),
  ].join('\n');
}
