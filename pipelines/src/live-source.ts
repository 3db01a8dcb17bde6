import type { Clock, JsonObject, Release, ServiceRef } from '@haldane/core';
import type { EnvironmentMap } from '@haldane/documents';
import type { Egress } from '@haldane/egress';

/** A CI/CD system that knows what it deployed. The manifest of a service names at most one, by its id. */
export type LiveSource = {
  readonly id: string;
  /** What the manifest says of it, as JSON Schema. Names of variables that hold secrets stand in keys that end in `Env`. */
  readonly settings: JsonObject;
  /** Describes what to ask and asks nothing yet. `settings` are checked, and the variables that they name are set. */
  readonly open: (settings: never, about: Described, outside: Outside) => LiveReader;
};

/** The service, and the name of its cluster where the manifest gives one. */
export type Described = ServiceRef & { readonly cluster: string | null };

export type Outside = {
  readonly env: EnvironmentMap;
  readonly clock: Clock;
  /** By which the system is asked. */
  readonly egress: Egress;
  /** How long one answer may take. */
  readonly answerWithinMs: number;
};

/** What is live. `cluster` names the one of several that takes traffic, on the platform; null when the system does not say. */
export type Live = { readonly release: Release; readonly cluster: string | null };

/** Asks what is live now. Throws `not-found`, `denied`, `throttled` or `unavailable`; never answers what it does not know. */
export type LiveReader = (signal: AbortSignal) => Promise<Live>;
