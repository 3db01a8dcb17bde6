import type { OutsideCheck } from '@haldane/core';

/** Hours of the week in which runs may go on, in the wall clock of a zone. */
export type Windows = {
  readonly zone: string;
  /** Three letters each, like mon. */
  readonly days: readonly string[];
  /** HH:MM; `to` is the first minute that is outside. */
  readonly from: string;
  readonly to: string;
  /** YYYY-MM-DD: days without any window. */
  readonly holidays: readonly string[];
};

/** Dates, both inclusive, on which nothing runs. */
export type Freeze = { readonly zone: string; readonly from: string; readonly to: string; readonly why: string };

/** One rule. It holds for every run that `where` fits; of several that fit, all hold, so none loosens another. */
export type Rule = {
  readonly name: string;
  readonly where: { readonly environment?: string; readonly service?: string; readonly team?: string };
  readonly windows?: Windows;
  readonly freezes: readonly Freeze[];
  /** Most of a route that one arm may get, most over all open runs together (both arms), and most runs at once. */
  readonly caps?: { readonly share?: number; readonly together?: number; readonly runs?: number };
  /** A scenario's first share; each resilient run allows twice its own. */
  readonly firstShare?: number;
  /** Failures of real users that experiments may cost a service in a calendar month (UTC). */
  readonly failuresPerMonth?: number;
  /** Alerts that experiments may send to one receiver in seven days. */
  readonly pagesPerWeek?: number;
  /** Services that bear what a run on another does to them: an approver of each has approved the scenario's version there. */
  readonly consents: readonly string[];
  /** Only what passed in another environment: on this revision, or within so many seconds on any. */
  readonly ladder?: { readonly after: string; readonly within: number };
  /** Whether every production instance must be healthy; a platform that cannot say means no. */
  readonly healthy: boolean;
  /** What stands outside of Haldane and must say yes before a run begins and while it goes on. */
  readonly checks: readonly OutsideCheck[];
  /** Of two runs in one environment that share what is named here, the earlier goes on. */
  readonly apart?: readonly ('route' | 'dependencies')[];
  /** People who must have approved before a scenario's version first runs on the service in the environment. */
  readonly approvals?: number;
};

/** What an organisation allows. Without rules everything is allowed that the plan allows. */
export type Policy = { readonly rules: readonly Rule[] };
