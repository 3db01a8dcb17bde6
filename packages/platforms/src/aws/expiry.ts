import { arms, type Clock, hasCode } from '@haldane/core';
import type { AwsCalls } from './aws-calls.ts';
import { armClusterName, targetGroupName, templateName } from './names.ts';
import { expiry, tagNames } from './our-tags.ts';
import { ownGroup, ownTargetGroup, ownTemplate, ownTwins } from './own.ts';

/**
 * Nothing in AWS ends by itself: the lease of a resource is the expiry in its tags, which a sweep acts on. It lies `aheadMs` after the
 * run's own lease, and is written again when a third of that is over, not with every heartbeat: AWS counts calls. Whoever renews a run for
 * the first time writes at once: what another process made may be near its end.
 */
export class Expiry {
  readonly #calls: AwsCalls;
  readonly #clock: Clock;
  readonly #aheadMs: number;
  readonly #written = new Map<string, number>();

  constructor(calls: AwsCalls, clock: Clock, aheadMs: number) {
    this.#calls = calls;
    this.#clock = clock;
    this.#aheadMs = aheadMs;
  }

  for(runId: string): number {
    return this.#written.get(runId) ?? this.#clock.now() + this.#aheadMs;
  }

  async renew(runId: string, until: number, signal: AbortSignal): Promise<void> {
    const expires = until + this.#aheadMs;
    const last = this.#written.get(runId);
    if (last !== undefined && expires - last < this.#aheadMs / 3) return;
    this.#written.set(runId, expires);
    try {
      await this.#write(runId, expires, signal);
    } catch (error) {
      if (last === undefined) this.#written.delete(runId);
      else this.#written.set(runId, last);
      throw error;
    }
  }

  /** What cannot be written keeps nothing else from it; throws, at the end, the first that could not. */
  async #write(runId: string, expires: number, signal: AbortSignal): Promise<void> {
    const failures: unknown[] = [];
    const attempt = async (act: () => Promise<void>): Promise<void> => {
      try {
        await act();
      } catch (error) {
        failures.push(error);
      }
    };
    const tags = { [tagNames.run]: runId, [tagNames.expires]: expiry(expires) };
    for (const arm of arms) {
      await attempt(async () => {
        const targets = await ownTargetGroup(this.#calls, targetGroupName(runId, arm), runId, signal);
        if (targets !== null) await this.#calls.balancing.setTags([targets.arn], tags, signal);
      });
      await attempt(async () => {
        const template = await ownTemplate(this.#calls, templateName(runId, arm), runId, signal);
        if (template !== null) await this.#calls.templates.setTags(template.id, tags, signal);
      });
      await attempt(async () => {
        for (const { kind, twin } of await ownTwins(this.#calls, runId, arm, signal)) await kind.setTags(twin, tags, signal);
      });
      await attempt(async () => {
        const group = await ownGroup(this.#calls, armClusterName(runId, arm), runId, signal);
        try {
          if (group !== null && !group.isLeaving) await this.#calls.groups.setTags(group.name, tags, signal);
        } catch (error) {
          if (!hasCode(error, 'gone')) throw error;
        }
      });
    }
    if (failures.length > 0) throw failures[0];
  }
}
