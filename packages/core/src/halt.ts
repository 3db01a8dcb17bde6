/** Whether the whole of Haldane stands still. `by` and `at` are of the last time that this changed; null when it never did. */
export type Halt = { readonly halted: boolean; readonly why: string; readonly by: string | null; readonly at: number | null };

/** The one switch for all runs. While it is on no run begins, by the database's own hand: there is no way round it. */
export interface HaltSwitch {
  get(): Promise<Halt>;
  /** Stops every run with the reason `halted` and lets none begin. Returns how many were stopped. Again changes the words only. */
  halt(why: string, by: string): Promise<number>;
  lift(why: string, by: string): Promise<void>;
}
