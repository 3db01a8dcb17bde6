import { type Clock, HaldaneError, type JsonObject, systemClock } from '@haldane/core';
import type { EnvironmentMap } from '@haldane/documents';
import { type Egress, egress } from '@haldane/egress';
import { codedeploy } from './codedeploy/index.ts';
import { githubActions } from './github-actions/index.ts';
import type { Described, LiveReader, LiveSource } from './live-source.ts';
import { spinnaker } from './spinnaker/index.ts';

/** The room's list of systems that are asked what is live: one line each. */
export const liveSources: readonly LiveSource[] = [codedeploy, githubActions, spinnaker];

/** Which system a manifest names, and what it says of it. */
export type NamedSource = { readonly id: string; readonly settings: JsonObject };

/** A reader for what a manifest names. The same words get the same reader, which keeps what it may ask less for the next time. */
export type OpenReader = (named: NamedSource, about: Described, env: EnvironmentMap) => LiveReader;

/** All that one reading may take: whoever waits for a run to begin is itself waited for, Spinnaker's Orca for 20 s. */
const readWithinMs = 12_000;

const mostOpen = 200;

/** `egress`: by which systems are asked; the public internet only when it is not given. */
export function openReaders(options: { readonly clock?: Clock; readonly withinMs?: number; readonly egress?: Egress } = {}): OpenReader {
  const open = new Map<string, LiveReader>();
  return ({ id, settings }, about, env) => {
    const key = JSON.stringify([id, settings, about]);
    const source = liveSources.find((one) => one.id === id);
    if (source === undefined) throw new HaldaneError('internal', `the manifest's schema let the system "${id}" through`);
    const withinMs = options.withinMs ?? readWithinMs;
    // One that hangs is asked a second time.
    const outside = { env, clock: options.clock ?? systemClock, egress: options.egress ?? egress([]), answerWithinMs: withinMs / 2 };
    const reader = open.get(key) ?? within(source.open(settings as never, about, outside), id, withinMs);
    // What was asked for last stands last; manifests change, and what they said before is forgotten in time.
    open.delete(key);
    open.set(key, reader);
    const [oldest] = open.keys();
    if (open.size > mostOpen && oldest !== undefined) open.delete(oldest);
    return reader;
  };
}

function within(reader: LiveReader, id: string, ms: number): LiveReader {
  return async (signal) => {
    const limit = AbortSignal.timeout(ms);
    try {
      return await reader(AbortSignal.any([signal, limit]));
    } catch (error) {
      if (signal.aborted || !limit.aborted) throw error;
      throw new HaldaneError('unavailable', `${id} did not answer within ${ms / 1000} s`, { cause: error });
    }
  };
}
