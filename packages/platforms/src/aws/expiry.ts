import { type Arm, arms, type Clock, hasCode, type TwinOf } from '@haldane/core';
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

  async renew(runId: string, until: number, signal: AbortSignal, twinOf?: TwinOf | null): Promise<void> {
    const expires = until + this.#aheadMs;
    const last = this.#written.get(runId);
    if (last !== undefined && expires - last < this.#aheadMs / 3) return;
    this.#written.set(runId, expires);
    try {
      await this.#write(runId, expires, signal, twinOf);
    } catch (error) {
      if (last === undefined) this.#written.delete(runId);
      else this.#written.set(runId, last);
      throw error;
    }
  }

  /**
   * What cannot be written keeps nothing else from it; throws, at the end, the first that could not. First what users may be in and what costs:
   * a service of AWS's that does not answer at all takes the time of what comes after it.
   */
  async #write(runId: string, expires: number, signal: AbortSignal, twinOf: TwinOf | null | undefined): Promise<void> {
    const { balancing, groups, templates } = this.#calls;
    const tags = { [tagNames.run]: runId, [tagNames.expires]: expiry(expires) };
    const ofGroup = async (arm: Arm): Promise<void> => {
      const group = await ownGroup(this.#calls, armClusterName(runId, arm), runId, signal);
      try {
        if (group !== null && !group.isLeaving) await groups.setTags(group.name, tags, signal);
      } catch (error) {
        if (!hasCode(error, 'gone')) throw error;
      }
    };
    const ofTargets = async (arm: Arm): Promise<void> => {
      const targets = await ownTargetGroup(this.#calls, targetGroupName(runId, arm), runId, signal);
      if (targets !== null) await balancing.setTags([targets.arn], tags, signal);
    };
    const ofTemplate = async (arm: Arm): Promise<void> => {
      const template = await ownTemplate(this.#calls, templateName(runId, arm), runId, signal);
      if (template !== null) await templates.setTags(template.id, tags, signal);
    };
    const ofTwins = async (arm: Arm): Promise<void> => {
      for (const { kind, twin } of await ownTwins(this.#calls, runId, arm, signal, twinOf)) await kind.setTags(twin, tags, signal);
    };
    const failures: unknown[] = [];
    for (const write of [ofGroup, ofTargets, ofTemplate, ofTwins])
      for (const arm of arms) {
        try {
          await write(arm);
        } catch (error) {
          failures.push(error);
        }
      }
    if (failures.length > 0) throw failures[0];
  }
}
