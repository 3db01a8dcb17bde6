import { type AnyChangeKind, type Change, type Clock, HaldaneError, type JsonObject, type TwinOf } from '@haldane/core';
import type { AwsCalls } from './aws-calls.ts';
import { findRoute } from './find-route.ts';
import { parseRouteName } from './route-name.ts';
import { mostPolicyCharacters, sessionPolicy } from './session-policy.ts';
import { twinPolicy } from './twin-policy.ts';

/** Credentials for one run, at work. */
export type RunSession = {
  readonly calls: AwsCalls;
  /** Epoch ms. */
  readonly expiresAt: number;
  /** Tries harmless calls that the policy does not allow, and names those that succeeded all the same. */
  trespass(signal: AbortSignal): Promise<readonly string[]>;
};

/** Opens a session under a role that the account's owner installed, narrowed by this policy. */
export type OpenSession = {
  readonly region: string;
  readonly account: string;
  open(runId: string, policy: string, signal: AbortSignal): Promise<RunSession>;
};

/** A run launches arms or makes twins of one kind, never both. */
export type SessionScope = 'arms' | TwinOf;

/** A session that ends within this is not begun anything with. */
const spareMs = 10 * 60_000;

/** One session for each run, opened when it is first needed and again before it ends. Any process can open it: the policy follows from names. */
export class RunSessions {
  readonly #calls: AwsCalls;
  readonly #opening: OpenSession;
  readonly #clock: Clock;
  readonly #open = new Map<string, Promise<RunSession>>();

  constructor(calls: AwsCalls, opening: OpenSession, clock: Clock) {
    this.#calls = calls;
    this.#opening = opening;
    this.#clock = clock;
  }

  async for(runId: string, route: string, scope: SessionScope, signal: AbortSignal): Promise<RunSession> {
    const key = `${scope} ${runId}`;
    const standing = this.#open.get(key);
    if (standing !== undefined) {
      const session = await standing.catch(() => null);
      if (session !== null && session.expiresAt - this.#clock.now() > spareMs) return session;
    }
    const opening = this.#begin(runId, route, scope, signal);
    this.#open.set(key, opening);
    return opening;
  }

  async #begin(runId: string, route: string, scope: SessionScope, signal: AbortSignal): Promise<RunSession> {
    const policy = scope === 'arms' ? await this.#policyForArms(runId, route, signal) : twinPolicy(scope, runId);
    if (policy.length > mostPolicyCharacters)
      throw new HaldaneError(
        'refused',
        `the session policy of run ${runId} has ${policy.length} characters; AWS takes ${mostPolicyCharacters}: shorten the balancer's name`,
      );
    return this.#opening.open(runId, policy, signal);
  }

  async #policyForArms(runId: string, route: string, signal: AbortSignal): Promise<string> {
    const found = await findRoute(this.#calls, route, signal);
    const slicedArn = found === null ? null : found.rule.isDefault ? found.listener.arn : found.rule.arn;
    const { region, account } = this.#opening;
    return sessionPolicy({ region, account, runId, loadBalancer: parseRouteName(route).loadBalancer, slicedArn });
  }
}

/** Changes at twins are made in a session that can do nothing to arms, nor to what is of another kind. */
export function scopeOf({ kind, params }: Pick<Change, 'kind' | 'params'>): SessionScope {
  return kind === 'aws.twin' || kind === 'aws.twin-fault' ? (params['of'] as TwinOf) : 'arms';
}

/** The kind over the session of the run that each change is of: made anew for each call, for it is nothing but functions over the calls. */
export function inItsSession(sessions: RunSessions, make: (calls: AwsCalls) => AnyChangeKind, plain: AwsCalls): AnyChangeKind {
  const kind = make(plain);
  const of = async (params: JsonObject, signal: AbortSignal) =>
    make((await sessions.for(String(params['runId']), String(params['route']), scopeOf({ kind: kind.kind, params }), signal)).calls);
  const superseded: AnyChangeKind['superseded'] =
    kind.superseded && (async (params, before, signal) => (await of(params, signal)).superseded?.(params, before, signal) ?? null);
  return {
    kind: kind.kind,
    capture: async (params, signal) => (await of(params, signal)).capture(params, signal) as unknown,
    apply: async (params, before, signal) => (await of(params, signal)).apply(params, before, signal),
    revert: async (params, before, signal) => (await of(params, signal)).revert(params, before, signal),
    isReverted: async (params, before, signal) => (await of(params, signal)).isReverted(params, before, signal),
    ...(superseded === undefined ? {} : { superseded }),
  };
}
