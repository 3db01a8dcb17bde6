import type { GateAnswer, ServiceRef } from '@haldane/core';

/** What a receiver needs of Haldane's own GitHub App: who writes as the App has no token of its own, and only an App may make check runs. */
export type AppDoor = {
  /** The App's client id, or its number. */
  readonly app: string;
  readonly api: string;
  /** Keys the marks of comments and check runs; as long-lived as the App. */
  readonly seal: string;
  /** A token for the repository that may do this and no more. */
  readonly tokenOf: (repository: string, permissions: Readonly<Record<string, 'read' | 'write'>>, signal: AbortSignal) => Promise<string>;
  /** What the gate would say now. It is not written down that anybody asked. */
  readonly gate: (service: ServiceRef, revision: string) => Promise<GateAnswer>;
  /** The report of a run in Markdown; null when there is none here. */
  readonly report: (runId: string) => Promise<string | null>;
};
