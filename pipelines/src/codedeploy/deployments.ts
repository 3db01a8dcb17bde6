import { HaldaneError } from '@haldane/core';
import type { CodeDeployCalls, GroupDeployment, IdPage } from './codedeploy-calls.ts';
import { isOver } from './is-over.ts';

/** AWS: so many are described at once. */
const perCall = 25;
/** Pages of ids that are read. */
const mostPages = 10;
/** Deployments that are kept: one that is over stays what it is. */
const mostKept = 500;

const day = 24 * 3_600_000;
/** How far back the last deployment to the whole group is looked for: no further than it takes. */
const lookBack = [day, 7 * day, 30 * day, 365 * day] as const;

/** The deployments of one group. */
export class Deployments {
  readonly #calls: CodeDeployCalls;
  readonly #over = new Map<string, GroupDeployment>();

  constructor(calls: CodeDeployCalls) {
    this.#calls = calls;
  }

  /**
   * The last one that succeeded; all that were created since the last that succeeded on the whole group, for what ended half way before an instance was
   * launched is still half way after CodeDeploy succeeded on that one; and those that are not over, whenever they were created.
   */
  async since(
    lastSuccess: string,
    signal: AbortSignal,
  ): Promise<{ readonly live: GroupDeployment; readonly newer: readonly GroupDeployment[]; readonly open: readonly GroupDeployment[] }> {
    const [live] = await this.#details([lastSuccess], signal);
    if (live === undefined) throw new HaldaneError('unavailable', `AWS codedeploy does not say what deployment ${lastSuccess} is`);
    const [newer, open] = await Promise.all([this.#sinceTheWhole(live, signal), this.#ids('open', signal)]);
    return { live, newer: newer.filter(({ id }) => id !== live.id), open: await this.#details(open, signal) };
  }

  async #sinceTheWhole(live: GroupDeployment, signal: AbortSignal): Promise<readonly GroupDeployment[]> {
    const since = async (at: number) => this.#details(await this.#ids({ since: at }, signal), signal);
    if (live.creator !== 'autoscaling') return since(live.createdAt);
    let all: readonly GroupDeployment[] = [];
    for (const back of lookBack) {
      all = await since(live.createdAt - back);
      const whole = Math.max(...all.filter((one) => isWhole(one) && one.createdAt < live.createdAt).map(({ createdAt }) => createdAt));
      if (Number.isFinite(whole)) return all.filter(({ createdAt }) => createdAt > whole);
    }
    return all;
  }

  async #ids(which: Parameters<CodeDeployCalls['deployments']>[0], signal: AbortSignal): Promise<readonly string[]> {
    const ids: string[] = [];
    for (let next: string | null = null, pages = 0; pages < mostPages; pages += 1) {
      const page: IdPage = await this.#calls.deployments(which, next, signal);
      ids.push(...page.ids);
      if (page.next === null) return ids;
      next = page.next;
    }
    throw new HaldaneError(
      'unavailable',
      `CodeDeploy has more than ${ids.length} deployments ${which === 'open' ? 'that are not over' : 'since the last that succeeded'}: whether one of them changes the service cannot be told`,
    );
  }

  /** Throws `unavailable` when one of them is not told of: what is not known may be a deploy. */
  async #details(ids: readonly string[], signal: AbortSignal): Promise<readonly GroupDeployment[]> {
    const found = new Map(ids.flatMap((id) => (this.#over.has(id) ? [[id, this.#over.get(id) as GroupDeployment] as const] : [])));
    const unknown = ids.filter((id) => !found.has(id));
    for (let first = 0; first < unknown.length; first += perCall)
      for (const one of await this.#calls.details(unknown.slice(first, first + perCall), signal)) found.set(one.id, one);
    for (const [id, one] of found) if (isOver(one.status)) this.#keep(id, one);
    return ids.map((id) => {
      const one = found.get(id);
      if (one === undefined) throw new HaldaneError('unavailable', `AWS codedeploy does not say what deployment ${id} is`);
      return one;
    });
  }

  #keep(id: string, one: GroupDeployment): void {
    this.#over.delete(id);
    this.#over.set(id, one);
    const [oldest] = this.#over.keys();
    if (this.#over.size > mostKept && oldest !== undefined) this.#over.delete(oldest);
  }
}

function isWhole({ status, creator }: GroupDeployment): boolean {
  return status === 'Succeeded' && creator !== 'autoscaling';
}
