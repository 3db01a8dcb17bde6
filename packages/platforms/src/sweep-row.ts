/** Something past its lease, or that has nobody who would end it, and what became of it. */
export type SweepRow = {
  readonly what: string;
  readonly runId: string | null;
  /** Epoch ms; null when it is orphaned, not expired. */
  readonly expiredAt: number | null;
  readonly action: string;
};
