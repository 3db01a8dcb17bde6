import { type StageStatus, stageStatuses } from '@haldane/client';

/** What a verdict does to the pipeline: nothing but to be seen, or to end it unless the service was resilient. */
export type StageMode = 'report' | 'block';

/** Statuses that say that something was learned, whatever it was. */
const judged: readonly StageStatus[] = ['PASSED', 'VULNERABLE', 'INCONCLUSIVE', 'INVALID'];

/** The statuses with which a pipeline goes on. All others but RUNNING end it. */
export function goesOn(mode: StageMode): readonly StageStatus[] {
  return stageStatuses.filter((status) => (mode === 'block' ? status === 'PASSED' : judged.includes(status)));
}
