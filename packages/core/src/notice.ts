import type { JsonObject } from './json.ts';
import type { Deployment, ServiceRef } from './service.ts';
import type { Verdict } from './verdict.ts';

/**
 * What people are told of. `started`: a run is about to launch its arms · `stopped`: it ends before its time · `verdict`: it is over and judged ·
 * `stuck`: not everything could be put back · `restored`: what was stuck is back · `approval-asked`: a run was refused because people must approve
 * it first · `gate-blocked`: a deploy is held · `break-glass`: somebody let a revision through the gate · `came-in`: a bisect found
 * where a flaw came in · `rights-changed`: somebody changed who may do what here, and is asked whether it was them · `rights-taken-back`: they said
 * no, or nothing.
 */
export const topics = [
  'started',
  'stopped',
  'verdict',
  'stuck',
  'restored',
  'approval-asked',
  'gate-blocked',
  'break-glass',
  'came-in',
  'rights-changed',
  'rights-taken-back',
] as const;
export type Topic = (typeof topics)[number];

/** A fact worth telling, noted in the same transaction as the fact itself. */
export type News = ServiceRef & {
  readonly id: string;
  readonly topic: Topic;
  /** The run that it is about; null when it is about none. */
  readonly runId: string | null;
  readonly data: JsonObject;
  /** Epoch ms by the store's clock. */
  readonly at: number;
};

/** News that somebody took, to put them into words. `tries`: how often they were taken, this time included. */
export type TakenNews = News & { readonly tries: number };

/** What was not told and will not be: a delivery, or, with no receiver, news that never came to one. */
export type Untold = ServiceRef & Pick<News, 'id' | 'topic'> & { readonly receiver: string | null; readonly why: string };

/** Something that whoever is told may do about it, by the operations of the API; their rights decide whether they may. */
export type Remedy =
  | { readonly do: 'abort'; readonly runId: string }
  | (ServiceRef & { readonly do: 'approve'; readonly scenario: string })
  | (ServiceRef & { readonly do: 'resolve'; readonly experiment: string; readonly revision: string })
  | { readonly do: 'was-me' | 'was-not-me'; readonly change: string };

/** News in words, the same for whoever is told. Never a secret; words may be from outside and are not markup. */
export type Notice = ServiceRef & {
  readonly topic: Topic;
  readonly at: number;
  readonly team: string | null;
  readonly experiment: string | null;
  readonly runId: string | null;
  readonly revision: Deployment['revision'] | null;
  /** The first bad revision, for news of a bisect that names one: whoever brought it is told, too. */
  readonly cameInWith?: string;
  readonly verdict: Verdict['verdict'] | null;
  readonly headline: string;
  readonly lines: readonly string[];
  /** Where more is to be read; null when nobody said where people reach this Haldane. */
  readonly link: string | null;
  /** Commands to copy. */
  readonly commands: readonly { readonly does: string; readonly command: string }[];
  readonly remedies: readonly Remedy[];
};

/** A notice on its way to one receiver. `id` is the same on every try: who has seen it need not look again. */
export type Delivery = {
  readonly id: string;
  readonly receiver: string;
  readonly notice: Notice;
  /** This try's number, from 1. */
  readonly tries: number;
  /** Epoch ms by the store's clock. */
  readonly madeAt: number;
};

/** What became of a try. `waiting`: it is tried again after `againMs`. */
export type Delivered =
  | { readonly state: 'delivered' }
  | { readonly state: 'waiting'; readonly againMs: number; readonly why: string }
  | { readonly state: 'given-up'; readonly why: string };

/** Later news of a service wait for earlier ones until those were taken so often: whoever takes them may die, but not for ever. */
export const patience = 3;

/** Where news wait to be told, and notices to arrive. Any number of processes may share it: each piece is with one at a time. */
export interface Outbox {
  /** Notes news that no other table holds. Of several with the same `once` the first counts. */
  announce(news: Omit<News, 'id' | 'at'>, once: string): Promise<void>;
  /**
   * The oldest news of runs of these pools (null: of no pool); nobody else is given it for `forMs`. Of one service never before the earlier
   * of these pools are told, unless those were taken `patience` times and are untold still. Null when there is none.
   */
  takeNews(pools: readonly (string | null)[], forMs: number): Promise<TakenNews | null>;
  /** Puts each receiver's notice on its way and is done with the news, in one step. False, and nothing happens, when somebody else did. */
  post(news: News, notices: readonly Pick<Delivery, 'receiver' | 'notice'>[]): Promise<boolean>;
  /** A delivery to one of these receivers whose time has come, for `forMs`: of one receiver and service the earlier always goes first. */
  take(receivers: readonly string[], forMs: number): Promise<Delivery | null>;
  /** What became of a try. False when it was not that try's to say any more. */
  settle(delivery: Pick<Delivery, 'id' | 'tries'>, became: Delivered): Promise<boolean>;
  /**
   * Forgets what was over for so long, and gives up what has waited for so long: news that nobody told, deliveries of receivers that are gone.
   * News of a run that is not done are kept: later ones make sense by them. Returns what was given up; not news of no pool that nobody ever
   * took, for then nobody is named to be told.
   */
  clear(olderThanMs: number): Promise<readonly Untold[]>;
}

/** Tells a person or a machine outside. One that fails harms nothing; it is asked again with the same delivery. */
export interface Notifier {
  /** Resolves when the receiver has it. Throws `gone` or `bad-request` when it never will, `throttled` with `details.afterMs` when it asked for time. */
  deliver(delivery: Delivery, signal: AbortSignal): Promise<void>;
}
