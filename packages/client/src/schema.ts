import { type Static, Type } from 'typebox';

/** What is said over the API, once: the server validates with it, the client is typed by it. */
const strict = { additionalProperties: false } as const;

/** Files are named, not sent: commands run only from the runner's own disk. */
export const FileBody = Type.Object({ file: Type.String({ minLength: 1, maxLength: 4096 }) }, strict);
export const PlanBody = Type.Object(
  {
    file: Type.String({ minLength: 1, maxLength: 4096 }),
    /** A failure rate (0..1): the plan then says what finding it takes. */
    find: Type.Optional(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 })),
  },
  strict,
);
export const NewRunBody = Type.Object(
  {
    file: Type.String({ minLength: 1, maxLength: 4096 }),
    /** False: a rehearsal that makes no harmful change. */
    fault: Type.Optional(Type.Boolean()),
    /** The same key again answers with the first run. */
    key: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  },
  strict,
);
export const AbortBody = Type.Object({ why: Type.String({ minLength: 1, maxLength: 500 }) }, strict);
export const SweepBody = Type.Object({ end: Type.Boolean() }, strict);
export const RunParams = Type.Object({ id: Type.String({ pattern: '^[a-z0-9-]{4,40}$' }) }, strict);
export const ListQuery = Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })) }, strict);
export const EventsQuery = Type.Object({ after: Type.Optional(Type.Integer({ minimum: 0 })) }, strict);
export const reportFormats = ['terminal', 'markdown', 'html', 'json'] as const;
export type ReportFormat = (typeof reportFormats)[number];
export const ReportQuery = Type.Object({ format: Type.Optional(Type.Union(reportFormats.map((one) => Type.Literal(one)))) }, strict);

export type NewRun = Static<typeof NewRunBody>;

/** An error as RFC 9457 has it. `code` is one of core's. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
};

export type ScenarioView = {
  readonly id: string;
  readonly version: number;
  readonly title: string;
  readonly when: string;
  readonly expects: string;
  readonly undo: string;
  readonly detection: string;
};
export type DeployedView = { readonly service: string; readonly environment: string; readonly revision: string; readonly address: string };
export type SweptView = {
  readonly what: string;
  readonly runId: string | null;
  readonly expiredAt: number | null;
  readonly action: string;
};
