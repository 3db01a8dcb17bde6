import { plainRules, type SliceRules } from '@haldane/core';
import type { SliceConfig } from '@haldane/dataplane';
import type { RouterTime } from '../time.ts';
import { Coverage } from './coverage.ts';
import { RateCap } from './rate-cap.ts';

/** Copies that may be under way at once: a slow arm must not fill the router's memory. */
const mostCopies = 100;

/** A slice as the router works with it: what it says, read once. */
export class PlacedSlice {
  readonly config: SliceConfig;
  readonly rules: SliceRules;
  readonly coverage: Coverage;
  readonly rate: RateCap | null;
  /** Copies of a mirror that are under way. */
  copies = 0;

  constructor(config: SliceConfig, time: RouterTime) {
    this.config = config;
    this.rules = config.rules ?? plainRules;
    this.coverage = new Coverage(config);
    this.rate = this.rules.perSecond === undefined ? null : new RateCap(this.rules.perSecond, time, config.controlTimes);
  }
  get mayCopy(): boolean {
    return this.copies < mostCopies;
  }
}
