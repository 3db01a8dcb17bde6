import { type Clock, type HeldDeploy, type HeldDeploys, hasCode, type JsonObject, messageOf } from '@haldane/core';
import { type Pauses, pauseAfter } from './pause-after.ts';

/** Whoever takes a deploy has so long for one look at it: a run that begins may first have to start its service. Then another may look. */
const lookForMs = 180_000;
const idleMs = 1_000;
/** A look that failed is repeated after so long, twice as long after each that fails too. */
const pauses: Pauses = { firstMs: 2_000, mostMs: 900_000 };
/** Nobody waits any longer: GitHub ends such a deploy after 30 days. */
const oldestMs = 30 * 86_400_000;
/** Deploys whose rule is gone are named at the start, and again after so long. */
const orphansEveryMs = 86_400_000;
/** Looks under way at one time. */
const atOnce = 4;

export type DoormanOptions = {
  readonly deploys: HeldDeploys;
  /** The rules that are known here. */
  readonly rules: readonly string[];
  /** Whether deploys whose rule is not known here are said so. */
  readonly orphans: boolean;
  /** One look: what is known now, and when to look again; or how it was answered. */
  readonly look: (
    deploy: HeldDeploy,
    signal: AbortSignal,
  ) => Promise<{ readonly progress: JsonObject; readonly againMs: number } | { readonly answered: string }>;
  /** Writes down that a deploy will not be answered. */
  readonly onGivenUp: (deploy: HeldDeploy, why: string) => Promise<void>;
  readonly onTrouble: (what: string, error: unknown) => void;
  readonly clock: Clock;
  /** Between 0 and 1: spreads what is tried again. */
  readonly random: () => number;
};

/**
 * Answers deploys that their CI/CD system holds, and stages that wait for several runs. All that it knows is in the store, so that it may die at any moment and any number may share the
 * work: a look is repeated, and each can be.
 */
export class Doorman {
  readonly #options: DoormanOptions;
  readonly #ending = new AbortController();
  #running: Promise<void> | null = null;

  constructor(options: DoormanOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Begins no other look, and waits for those under way. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  /** Looks at every deploy whose time has come. Over when all looks are; throws the first error of one. */
  async round(): Promise<void> {
    const all = await Promise.allSettled(Array.from({ length: atOnce }, () => this.#lookAtAll()));
    const failed = all.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Says which deploys wait for a rule that is not known here any more, and gives up those for which nobody waits. */
  async lookAtOrphans(): Promise<void> {
    const { deploys, rules, onGivenUp, onTrouble, clock } = this.#options;
    const orphans = await deploys.ofOtherRules(rules);
    for (const orphan of orphans) {
      const why = `no rule here is called ${orphan.rule}`;
      if (clock.now() - orphan.heldAt > oldestMs) {
        await onGivenUp(orphan, why);
        await deploys.settle(orphan, { state: 'given-up', why });
      } else onTrouble(`${orphan.id} waits, and ${why}: give the rule back, or have it asked for again`, null);
    }
  }

  async #run(): Promise<void> {
    const { clock, onTrouble, orphans } = this.#options;
    const { signal } = this.#ending;
    let orphansAt = orphans ? 0 : Number.POSITIVE_INFINITY;
    while (!signal.aborted) {
      if (clock.now() >= orphansAt) {
        orphansAt = clock.now() + orphansEveryMs;
        await this.lookAtOrphans().catch((error: unknown) => onTrouble('looking for deploys without a rule', error));
      }
      await this.round().catch((error: unknown) => onTrouble('answering deploys', error));
      await clock.sleep(idleMs, signal).catch(() => undefined);
    }
  }

  async #lookAtAll(): Promise<void> {
    const { deploys, rules } = this.#options;
    while (!this.#ending.signal.aborted) {
      const deploy = await deploys.take(rules, lookForMs);
      if (deploy === null) return;
      await this.#lookAt(deploy);
    }
  }

  async #lookAt(deploy: HeldDeploy): Promise<void> {
    const { deploys, look, onGivenUp, onTrouble, clock, random } = this.#options;
    try {
      const seen = await look(deploy, this.#ending.signal);
      if ('answered' in seen) await deploys.settle(deploy, { state: 'answered', why: seen.answered });
      else await deploys.settle(deploy, { state: 'waiting', ...seen });
    } catch (error) {
      const why = messageOf(error);
      if (this.#ending.signal.aborted)
        return void (await deploys.settle(deploy, { state: 'failed', againMs: 0, why: 'it was interrupted' }));
      if (hasCode(error, 'bad-request') || hasCode(error, 'gone') || clock.now() - deploy.heldAt > oldestMs) {
        await onGivenUp(deploy, why);
        return void (await deploys.settle(deploy, { state: 'given-up', why }));
      }
      // Said once: what lasts is in the store, with its reason.
      if (deploy.failures === 0) onTrouble(`answering ${deploy.id}`, error);
      await deploys.settle(deploy, { state: 'failed', againMs: pauseAfter(error, deploy.failures, pauses, random), why });
    }
  }
}
