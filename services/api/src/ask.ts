import type { FetchText } from '@haldane/alerts';
import type { HeldDeploy, NewToken, Run } from '@haldane/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import type { Caller } from './access/caller.ts';
import type { Desk, Permit } from './desk.ts';
import type { Operation } from './operations/operation.ts';
import type { OperationId, operations } from './operations.ts';
import type { SignedHook } from './signed-hook.ts';
import type { Asked } from './slack/press.ts';
import type { SlackApp } from './slack/slack-app.ts';

type Said<S> = S extends TSchema ? Static<S> : Record<string, never>;

/** One request that was let through: its parts are checked, and whoever asks may. */
export type Ask<O extends Operation> = {
  readonly desk: Desk;
  readonly caller: O['on'] extends 'public' | 'sender' | 'signed' | 'assertion' ? null : Caller;
  readonly params: Said<O['params']>;
  readonly query: Said<O['query']>;
  readonly body: Said<O['body']>;
  /** What a signed login opens. */
  readonly login: O['on'] extends 'assertion' ? NewToken : null;
  readonly run: O['on'] extends 'run' ? Run : O['on'] extends 'stage' ? Run | null : null;
  /** The stage that chooses; null where the key is of a run. */
  readonly stage: O['on'] extends 'stage' ? HeldDeploy | null : null;
  /** For operations on a file: to be asked before anything is touched. */
  readonly permit: Permit;
  /** The Slack app whose buttons lead here; null: there is none. */
  readonly slack: SlackApp | null;
  /** Takes what GitHub sends; null: no App is known here. */
  readonly gitHub: SignedHook | null;
  /** Asks this API for somebody else, from their address: what comes of it, and in words why not. */
  readonly actFor: (who: Caller['token'], asked: Asked, from: string) => Promise<{ readonly ok: boolean; readonly detail: string }>;
  /** What stands behind an address of AWS's SNS. */
  readonly fetchSns: FetchText;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
};

/** What answers an operation. */
export type Handler<Id extends OperationId> = (ask: Ask<(typeof operations)[Id]>) => Promise<unknown>;
