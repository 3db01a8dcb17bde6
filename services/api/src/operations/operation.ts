import type { TSchema } from 'typebox';
import type { Capability } from '../access/capabilities.ts';

/**
 * Whose affair an operation is, and so where the caller's role must be:
 * `service` the service in the path · `file` the service that the named file speaks of, asked once the file is read and before anything is
 * touched · `run` the run's service · `house` everybody's: it takes a role in all teams · `grants` every team that the body gives a role
 * in · `stage` the service of the run, or of the stage that chooses, by the key of either · `token` every team that the token has a role in, or one's own token · `login` nobody's in particular: any login will do, and lists
 * show what one may read · `assertion` whoever a signed
 * login in the body stands for · `sender` a sender of alerts, who has a token of its own · `signed` an outside system that signed the body (Slack, GitHub), and whom it speaks for · `public` anybody.
 */
export type Affair =
  | 'service'
  | 'file'
  | 'run'
  | 'stage'
  | 'house'
  | 'grants'
  | 'token'
  | 'login'
  | 'assertion'
  | 'sender'
  | 'signed'
  | 'public';

export type Operation = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly says: string;
  readonly on: Affair;
  /** What the caller's role must include; null where `on` asks for no role. */
  readonly may: Capability | null;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  /** Of the answer when all went well; 200 when it is not given. */
  readonly status?: 201 | 202;
  /** It changes nothing, or what it changes is written down elsewhere: only refusals go into the audit log. */
  readonly quiet?: true;
  /** The longest body that is read, when it is not the usual 256 KiB: GitHub sends each pull request whole. */
  readonly mostBytes?: number;
  /** What is answered, when it is not JSON. */
  readonly produces?: 'report' | 'events' | 'metrics' | 'bundle';
};
