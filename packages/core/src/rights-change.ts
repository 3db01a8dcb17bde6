import type { Grant } from './access.ts';
import type { Owner, ServiceRef } from './service.ts';

/** A change of who may do what here. */
export type RightsChange =
  | { readonly kind: 'token'; readonly token: string; readonly subject: string; readonly grants: readonly Grant[] }
  | (ServiceRef & { readonly kind: 'owner'; readonly before: Owner; readonly after: Owner });

/** A change whose author is asked. `until` is epoch ms by the store's clock, and moves to as long after the question as it was after the change. */
export type AskedChange = {
  readonly id: string;
  readonly author: string;
  readonly what: RightsChange;
  readonly until: number | null;
  readonly answered: 'kept' | 'taken-back' | null;
};

/** Changes of who may do what, which are noted in the same step as they are made. */
export interface RightsChanges {
  get(id: string): Promise<AskedChange | null>;
  /** Those whose time is over and that nobody has answered for; none whose author was not reached. */
  overdue(): Promise<readonly AskedChange[]>;
  /**
   * The first answer counts, and what is taken back is undone in the same step: a token ends, with all that was made with it; a service goes back to
   * the owner that it had, unless it has another by now. False when it was answered before, or is kept too late.
   */
  settle(id: string, answer: 'kept' | 'taken-back', by: string, why: string): Promise<boolean>;
}
