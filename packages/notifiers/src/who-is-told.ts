import type { Notice, Topic } from '@haldane/core';
import type { TellRule } from './notify.ts';

/** Whoever is on call hears of these, and no rule can keep it from them. */
const always: readonly Topic[] = ['started', 'stopped', 'verdict', 'stuck', 'restored'];

/** The receivers of a notice, each once. */
export function whoIsTold(
  rules: readonly TellRule[],
  notice: Pick<Notice, 'topic' | 'service' | 'environment' | 'team'>,
): readonly string[] {
  const fits = (wanted: string | undefined, is: string | null) => wanted === undefined || wanted === is;
  const told = rules
    .filter(
      ({ where }) => fits(where.service, notice.service) && fits(where.environment, notice.environment) && fits(where.team, notice.team),
    )
    .flatMap(({ onCall, receivers, about }) => [
      ...(always.includes(notice.topic) ? onCall : []),
      ...(about.includes(notice.topic) ? receivers : []),
    ]);
  return [...new Set(told)];
}
