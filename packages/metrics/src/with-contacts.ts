import { type MetricSource, messageOf, type Platform, type TrafficBlock } from '@haldane/core';

/**
 * The source, with what arms called and met as the platform counted it, where faults are made somewhere else than traffic is counted. A second
 * is told when both know it; while one of them is silent, so is the whole.
 */
export function withContacts(source: MetricSource, contacts: NonNullable<Platform['contacts']>): MetricSource {
  const waiting = new Map<string, readonly TrafficBlock[]>();
  return {
    id: source.id,
    ...(source.isKeyless && { isKeyless: source.isKeyless }),
    ...(source.isForUsers && { isForUsers: source.isForUsers }),
    ...(source.standsBy && { standsBy: source.standsBy.bind(source) }),
    ...(source.sent && { sent: source.sent.bind(source) }),
    ...(source.open && { open: source.open.bind(source) }),
    ...(source.lateMs && { lateMs: source.lateMs.bind(source) }),
    ...(source.stillMs && { stillMs: source.stillMs.bind(source) }),
    async read(runId, after, signal) {
      const held = (waiting.get(runId) ?? []).filter((block) => block.at > after);
      const reading = await source.read(runId, held.at(-1)?.at ?? after, signal);
      if (reading.state === 'unavailable') return reading;
      const blocks = [...held, ...(reading.state === 'ok' ? reading.points : [])];
      waiting.set(runId, blocks);
      if (blocks.length === 0) return { state: 'no-data' };
      try {
        const counted = await contacts(runId, after, signal);
        const points =
          counted === null
            ? blocks
            : blocks.filter(({ at }) => at <= counted.through).map((block) => ({ ...block, ...counted.of(block.at) }));
        waiting.set(runId, blocks.slice(points.length));
        return points.length === 0 ? { state: 'no-data' } : { state: 'ok', points };
      } catch (error) {
        if (signal.aborted) throw error;
        return { state: 'unavailable', why: messageOf(error) };
      }
    },
    ...(source.advise && { advise: source.advise.bind(source) }),
    leave(runId) {
      waiting.delete(runId);
      source.leave?.(runId);
    },
  };
}
