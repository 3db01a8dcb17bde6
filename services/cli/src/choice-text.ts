import type { Choice, Weighed } from '@haldane/core';

/** A choice as lines. */
export function choiceText({ service, environment, revision, run, later, stands }: Choice): string {
  const minutes = Math.ceil(run.reduce((sum, one) => sum + one.seconds, 0) / 60);
  const line = (what: string) => (one: Weighed) =>
    `  ${what.padEnd(6)}  ${one.experiment}  (${Math.ceil(one.seconds / 60)} min, score ${one.score})  ${one.why}\n`;
  return [
    `${service} in ${environment} at ${revision}: ${run.length} to run now (${minutes} min), ${later.length} after the deploy and before the next promotion, ${stands.length} not needed\n`,
    ...run.map(line('run')),
    ...later.map(line('later')),
    ...stands.map(({ experiment, why }) => `  ${'stands'.padEnd(6)}  ${experiment}  ${why}\n`),
  ].join('');
}
