import type { Desk } from '@haldane/api';
import { type Act, type AuditLog, type ErrorCode, errorCodes, HaldaneError, hasCode, type PolicyFacts, type RunStore } from '@haldane/core';

type Office = {
  readonly desk: Pick<Desk, 'create'>;
  readonly runs: Pick<RunStore, 'find'>;
  readonly policy: Pick<PolicyFacts, 'open'>;
  readonly audit: Pick<AuditLog, 'append'>;
};

/**
 * Begins runs in the name of a schedule: whoever made it was allowed to, and what it does is in the audit log like anybody's act. One that
 * only waits for its service to be free, or for the database, writes nothing: it asks every few seconds. Returns the run's id; the same key again the first one's.
 */
export function beginScheduled({ desk, runs, policy, audit }: Office): (file: string, key: string) => Promise<string> {
  return async (file, key) => {
    const first = await runs.find(key);
    if (first !== null) return first.id;
    // A key is `schedule:ID:TIME`.
    const who = key.split(':', 2).join(' ');
    let act: Omit<Act, 'outcome' | 'code'> = { who, token: null, from: 'the scheduler', did: 'createRun', to: `file ${file}`, detail: {} };
    let outcome = 'refused' as Act['outcome'];
    try {
      const { id } = await desk.create({ file, key }, async ({ service, environment }) => {
        act = { ...act, to: `service ${service} in ${environment}`, detail: { file, key } };
        const holder = (await policy.open()).find((run) => run.service === service && run.environment === environment);
        if (holder !== undefined) throw new HaldaneError('service-taken', `${act.to} is taken by run ${holder.id}`);
        await audit.append({ ...act, outcome: 'allowed', code: null });
        outcome = 'failed';
      });
      return id;
    } catch (error) {
      const code = (Object.keys(errorCodes) as ErrorCode[]).find((one) => hasCode(error, one)) ?? 'internal';
      if (outcome === 'failed' || (code !== 'service-taken' && code !== 'unavailable')) await audit.append({ ...act, outcome, code });
      throw error;
    }
  };
}
