import type { Change } from './change.ts';
import type { Touch } from './choice.ts';
import type { ExperimentSpec } from './experiment.ts';
import type { JsonObject } from './json.ts';
import type { Capability, FaultPlane } from './platform.ts';
import type { ProbeStream } from './probe.ts';
import type { Deployment } from './service.ts';
import type { Exposure } from './slice.ts';
import type { TwinOrder } from './twin.ts';

export type Contact =
  | { readonly unit: 'dependency-call'; readonly dependency: string }
  | { readonly unit: 'hostile-request' }
  | { readonly unit: 'twin'; readonly order: TwinOrder };

/** What a scenario may look at when it describes its changes. */
export type Target = { readonly runId: string; readonly deployment: Deployment; readonly faults: FaultPlane };

/** Something that must have passed before the absence of harm means anything: a cache's lifetime, a token's leeway. */
export type TimeConstant = { readonly name: string; readonly seconds: number; readonly why: string };

/** The record that the catalogue page is made from. */
export type About = {
  /** A sentence: what is done to whom. */
  readonly title: string;
  readonly when: string;
  readonly then: string;
  /** How it is made and how it is undone, in words. */
  readonly injection: string;
  readonly undo: string;
  /** What should notice it. */
  readonly detection: string;
  readonly mapping: { readonly attack: readonly string[]; readonly owasp: readonly string[]; readonly cwe: readonly string[] };
};

/** One harmful change, what must stay true under it, and what must notice it. Pure: describes, never acts. */
export interface Scenario {
  /** Equals the folder's name. */
  readonly id: string;
  readonly version: number;
  readonly about: About;
  /** JSON Schema of its params; defaults in the schema are written in. Unknown keys are refused. */
  readonly params: JsonObject;
  readonly needs: readonly Capability[];
  /** Whose things it touches. */
  readonly reach: 'arm' | 'owned' | 'account';
  /** `none`: nobody asks it for anything. No arm is launched; it is made at twins, and what was noticed decides. */
  readonly traffic: 'slice' | 'synthetic' | 'none';
  /** The most exposure that is safe for it. */
  readonly exposure: Exposure;
  /** Users may be logged out or get other credentials under it: then only the router's own cookie still tells who is who. */
  readonly breaksIdentity: boolean;
  /** What it may leave in data; empty when nothing. */
  readonly residue: readonly string[];
  /** What of a service it must be run again for when a deploy touches it; absent: everything. */
  readonly touchedBy?: readonly Touch[];
  /** `change`: it makes a change. `request`: the hostile request is itself the change, held is judged absolutely. */
  readonly act: 'change' | 'request';
  /** What counts as contact: calls to this dependency that met the fault, hostile requests that arrived, or the one twin that was harmed. */
  contact(params: JsonObject): Contact;
  timeConstants(params: JsonObject): readonly TimeConstant[];
  /** Words for what is wrong with these params on this deployment; empty when nothing is. */
  objections(params: JsonObject, deployment: Deployment): readonly string[];
  /** Streams for the run. Hostile ones of a `request` scenario begin with the injection, in the experiment only. */
  probes(params: JsonObject, deployment: Deployment, spec: ExperimentSpec): readonly ProbeStream[];
  /** Twins, placebos: before the baseline, in both arms. */
  prepare(params: JsonObject, target: Target): readonly Change[];
  /** The one act. */
  inject(params: JsonObject, target: Target): readonly Change[];
}
