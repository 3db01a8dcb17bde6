import { type Arm, answerClasses, type Evidence, type Feature, type Verdict } from '@haldane/core';
import type { ByArm } from './block-sums.ts';
import type { JudgeState } from './state.ts';

type Surprise = Verdict['surprises'][number];

/** Differences below this many standard deviations are what chance makes of nothing. */
const least = 3;
const most = 10;

/**
 * What nobody declared and yet differs between the arms since the change: classes, headers and error texts of synthetic answers,
 * dependency calls, classes of real answers. Ranked by a log-odds score (signed, in standard deviations); it never decides anything.
 */
export function rankSurprises(state: JudgeState, evidence: Evidence): readonly Surprise[] {
  const { criteria, harm, contact } = state;
  const found: Surprise[] = [];
  const features = summed(evidence.features);
  for (const feature of features) {
    const { control, experiment } = feature;
    // Where forged tokens are the change, only the experiment gets them: what their answers look like cannot be compared.
    if (criteria.act === 'request' && /^hostile\b(?!: the )/.test(feature.name)) continue;
    const sent = answersOf(features, streamOf(feature.name));
    found.push({
      what: `${feature.kind} ${feature.name}`,
      control,
      experiment,
      score: logOddsScore(experiment, sent.experiment, control, sent.control),
    });
  }
  found.push({ what: 'calls to dependencies', ...contact.calls, score: rateScore(contact.calls.experiment, contact.calls.control) });
  answerClasses.forEach((name, i) => {
    const control = harm.real.control.classes[i] ?? 0;
    const experiment = harm.real.experiment.classes[i] ?? 0;
    found.push({
      what: `real answers: ${name}`,
      control,
      experiment,
      score: logOddsScore(experiment, harm.real.experiment.requests, control, harm.real.control.requests),
    });
  });
  return found
    .filter(({ score }) => Math.abs(score) >= least)
    .sort((a, b) => Math.abs(b.score) - Math.abs(a.score) || (a.what < b.what ? -1 : 1))
    .slice(0, most)
    .map((one) => ({ ...one, score: Math.round(one.score * 100) / 100 }));
}

/** Each runner of a run that was handed over counted what it saw. */
function summed(features: Evidence['features']): Evidence['features'] {
  const sums = new Map<string, Feature>();
  for (const feature of features) {
    const key = `${feature.kind} ${feature.name}`;
    const { control = 0, experiment = 0 } = sums.get(key) ?? {};
    sums.set(key, { ...feature, control: control + feature.control, experiment: experiment + feature.experiment });
  }
  return [...sums.values()];
}

/**
 * How many answers of a stream the features were taken from, by arm: each answer has one class. Twins of hostile requests are none of
 * them, so the tallies of the blocks would be too large.
 */
function answersOf(features: Evidence['features'], stream: string): ByArm<number> {
  const classes = features.filter((feature) => feature.kind === 'class' && streamOf(feature.name) === stream);
  const sum = (arm: Arm) => classes.reduce((total, feature) => total + feature[arm], 0);
  return { control: sum('control'), experiment: sum('experiment') };
}

/** The stream that a feature's name begins with. */
function streamOf(name: string): string {
  return /^\w+/.exec(name)?.[0] ?? '';
}

/** ln odds ratio over its standard error, with half a count added to each cell. */
function logOddsScore(xe: number, ne: number, xc: number, nc: number): number {
  const cells = [xe + 0.5, Math.max(ne, xe) - xe + 0.5, xc + 0.5, Math.max(nc, xc) - xc + 0.5] as const;
  const [a, b, c, d] = cells;
  return Math.log((a * d) / (b * c)) / Math.sqrt(1 / a + 1 / b + 1 / c + 1 / d);
}

/** The same for counts without a denominator. */
function rateScore(xe: number, xc: number): number {
  return Math.log((xe + 0.5) / (xc + 0.5)) / Math.sqrt(1 / (xe + 0.5) + 1 / (xc + 0.5));
}
