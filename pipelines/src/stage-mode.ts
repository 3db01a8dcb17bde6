import { type StageStatus, stageStatuses } from '@haldane/client';

/** What a verdict does to the pipeline: nothing but to be seen, or to end it unless the service was resilient. */
export type StageMode = 'report' | 'block';

/** With these every pipeline goes on: what was put off holds nothing now, and the gate asks for it at the next promotion. */
const good: readonly StageStatus[] = ['PASSED', 'PUT_OFF'];
/** These say that something was learned, whatever it was. */
const judged: readonly StageStatus[] = [...good, 'VULNERABLE', 'INCONCLUSIVE', 'INVALID'];

/** The statuses with which a pipeline goes on. All others but RUNNING end it. */
export function goesOn(mode: StageMode): readonly StageStatus[] {
  return stageStatuses.filter((status) => (mode === 'block' ? good : judged).includes(status));
}
