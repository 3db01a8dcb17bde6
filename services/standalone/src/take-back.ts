import type { RightsChange } from '@haldane/core';
import type { Store } from '@haldane/store';

/** Takes back every change of rights whose author said nothing in time. Each is in the audit log before, and after it when an answer came first. */
export async function takeBackUnanswered({ rights, audit }: Pick<Store, 'rights' | 'audit'>): Promise<void> {
  for (const { id, author, what } of await rights.overdue()) {
    const act = { who: 'Haldane', token: null, from: 'the sweeper', did: 'takeBackRights', to: wordsOf(what) } as const;
    await audit.append({ ...act, outcome: 'allowed', code: null, detail: { change: id, author } });
    const done = await rights.settle(id, 'taken-back', 'Haldane', `${author} did not say in time that it was them`);
    if (!done) await audit.append({ ...act, outcome: 'failed', code: 'conflict', detail: { change: id, author } });
  }
}

function wordsOf(what: RightsChange): string {
  return what.kind === 'token' ? `token ${what.token} of ${what.subject}` : `service ${what.service} in ${what.environment}`;
}
