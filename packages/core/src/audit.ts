import type { ErrorCode } from './errors.ts';
import type { JsonObject } from './json.ts';

/** What somebody did, or wanted to do. */
export type Act = {
  readonly who: string;
  /** Id of the token, never its secret; null when there was none that is known. */
  readonly token: string | null;
  /** The address that it came from. */
  readonly from: string;
  /** The operation's id. */
  readonly did: string;
  /** What it was done to, in words that name it: `run r…`, `service payments in test`. */
  readonly to: string;
  /**
   * `allowed` is written before the act: one without a later `failed` was done, or its process died in it. `refused`: nobody may, or not they.
   */
  readonly outcome: 'allowed' | 'refused' | 'failed';
  readonly code: ErrorCode | null;
  /** What else to know, such as the reason given. Never a secret. */
  readonly detail: JsonObject;
};

/** Where the log stood: everything up to `seq` hashes to `hash`. */
export type AuditHead = { readonly seq: number; readonly hash: string };

/**
 * One entry. `body` is the act as canonical JSON, `at` epoch ms by the database's clock, and `hash` = SHA-256 (hex) over `prev`, `seq`, `at`
 * and the SHA-256 (hex) of `body`, a line each, where `prev` is the hash of the entry before (64 zeros for the first). Entries that
 * an older Haldane wrote are hashed over `body` itself.
 */
export type AuditEntry = AuditHead & { readonly at: number; readonly body: string; readonly prev: string };

/** An entry whose words are somebody else's: their SHA-256 is enough to follow the chain. Null where an older Haldane hashed the words themselves. */
export type AuditLink = AuditHead & { readonly at: number; readonly digest: string | null };

/** Entries one after the other, some of them without their words. */
export type AuditExcerpt = readonly (AuditEntry | AuditLink)[];

/**
 * A run in the log: what was done to it, also by its key or its stage's; and to its service, or to everything by a halt, between these two times
 * (epoch ms), in which it was begun and went on.
 */
export type AuditedRun = {
  readonly run: string;
  readonly service: string;
  readonly environment: string;
  readonly from: number;
  readonly until: number;
};

/** Who did what. Entries are added and nothing else, by any number of writers, in one chain without a fork or a gap. */
export interface AuditLog {
  append(act: Act): Promise<AuditEntry>;
  /** Entries after `seq`, oldest first. */
  read(after: number, limit: number): Promise<readonly AuditEntry[]>;
  /**
   * From the first entry about a run until the head, or ten thousand entries beyond the last about it: those about it whole, of the others
   * what the chain takes. Only the head when none is about it; nothing while the log is empty.
   */
  excerpt(of: AuditedRun): Promise<AuditExcerpt>;
  /** Null while it is empty. */
  head(): Promise<AuditHead | null>;
}
