import { type HaldaneError, hasCode } from '@haldane/core';
import type { Door } from './door.ts';
import type { Question } from './inputs.ts';
import type { Step } from './step.ts';

const levels = { allow: 'notice', warn: 'warning', block: 'error' } as const;

/** Asks the gate, and says whether the job may go on. */
export async function askGate(step: Step, door: Door, { service, environment, revision, live, ifUnreachable }: Question): Promise<boolean> {
  const what = `${service} in ${environment} at ${revision}`;
  try {
    const answer = await door.ask((client) => client.gate({ service, environment }, { revision, ...(live === null ? {} : { live }) }));
    for (const { standing, mode, says } of answer.findings) step.say(`${standing} (${mode}): ${says}`);
    step.output('gate', answer.decision);
    step.annotate(levels[answer.decision], `Haldane's gate: ${answer.decision}`, `${what}: ${answer.why}`);
    return answer.decision !== 'block';
  } catch (error) {
    if (!hasCode(error, 'unavailable')) throw error;
    // Never silently: whoever looks at the deploy sees that nobody looked.
    step.output('gate', 'not-asked');
    step.annotate(
      ifUnreachable === 'allow' ? 'warning' : 'error',
      'Haldane: GATE NOT ASKED',
      `${(error as HaldaneError).message}; ${what} ${ifUnreachable === 'allow' ? 'goes on unchecked' : 'is held'} (if-unreachable: ${ifUnreachable})`,
    );
    return ifUnreachable === 'allow';
  }
}
